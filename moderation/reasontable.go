package moderation

// conductReasons are about what a text must not hold.
func conductReasons() []Reason {
	return []Reason{
		{Code: "profanity", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Offensive language", Body: "Your text contains swear words or insults. Please say it without them."},
			"tr":  {Title: "Saldırgan dil", Body: "Metniniz küfür veya hakaret içeriyor. Lütfen bunlar olmadan yazın."},
			"fa":  {Title: "زبان توهین\u200cآمیز", Body: "متن شما ناسزا یا توهین دارد. لطفاً بدون آن بنویسید."},
			"hi":  {Title: "आपत्तिजनक भाषा", Body: "आपके लेख में गाली या अपमान है। कृपया उसके बिना लिखें।"},
			"nb":  {Title: "Støtende språk", Body: "Teksten inneholder banning eller fornærmelser. Skriv den gjerne uten."},
			"fil": {Title: "Masakit na pananalita", Body: "May mura o insulto ang iyong sinulat. Pakisulat muli nang wala ito."},
		}},
		{Code: "hate", Final: true, Ground: GroundIllegal, Texts: map[string]Text{
			"en":  {Title: "Hate", Body: "Your text attacks people for what they are. We do not publish that."},
			"tr":  {Title: "Nefret", Body: "Metniniz insanlara kimlikleri nedeniyle saldırıyor. Bunu yayımlamıyoruz."},
			"fa":  {Title: "نفرت\u200cپراکنی", Body: "متن شما به آدم\u200cها به\u200cخاطر آنچه هستند حمله می\u200cکند. چنین متنی منتشر نمی\u200cشود."},
			"hi":  {Title: "घृणा", Body: "आपका लेख लोगों पर उनकी पहचान के कारण हमला करता है। हम इसे प्रकाशित नहीं करते।"},
			"nb":  {Title: "Hat", Body: "Teksten angriper mennesker for det de er. Slikt publiserer vi ikke."},
			"fil": {Title: "Poot", Body: "Inaatake ng iyong sinulat ang mga tao dahil sa kanilang pagkatao. Hindi namin ito inilalathala."},
		}},
		{Code: "threat", Final: true, Ground: GroundIllegal, Texts: map[string]Text{
			"en":  {Title: "Threat", Body: "Your text threatens somebody or calls for harm. We do not publish that."},
			"tr":  {Title: "Tehdit", Body: "Metniniz birini tehdit ediyor veya zarar vermeye çağırıyor. Bunu yayımlamıyoruz."},
			"fa":  {Title: "تهدید", Body: "متن شما کسی را تهدید می\u200cکند یا به آسیب\u200cرساندن فرا می\u200cخواند. چنین متنی منتشر نمی\u200cشود."},
			"hi":  {Title: "धमकी", Body: "आपका लेख किसी को धमकाता है या नुकसान पहुँचाने को कहता है। हम इसे प्रकाशित नहीं करते।"},
			"nb":  {Title: "Trussel", Body: "Teksten truer noen eller oppfordrer til skade. Slikt publiserer vi ikke."},
			"fil": {Title: "Pagbabanta", Body: "Nagbabanta o nananawagan ng pananakit ang iyong sinulat. Hindi namin ito inilalathala."},
		}},
		{Code: "sexual", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Sexual content", Body: "Your text or picture is sexual. Please leave that out."},
			"tr":  {Title: "Cinsel içerik", Body: "Metniniz veya görseliniz cinsel içerik taşıyor. Lütfen bunu çıkarın."},
			"fa":  {Title: "محتوای جنسی", Body: "متن یا تصویر شما جنسی است. لطفاً آن را بردارید."},
			"hi":  {Title: "यौन सामग्री", Body: "आपका लेख या चित्र यौन प्रकृति का है। कृपया उसे हटा दें।"},
			"nb":  {Title: "Seksuelt innhold", Body: "Teksten eller bildet er seksuelt. Ta det bort."},
			"fil": {Title: "Sekswal na nilalaman", Body: "Sekswal ang iyong sinulat o larawan. Pakialis ito."},
		}},
		{Code: "personal_data", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Personal data", Body: "Your text shows personal data, such as a telephone number, an address or a full name. Please remove it."},
			"tr":  {Title: "Kişisel veri", Body: "Metninizde telefon, adres veya tam ad gibi kişisel veri var. Lütfen çıkarın."},
			"fa":  {Title: "داده\u200cهای شخصی", Body: "متن شما داده\u200cهای شخصی مانند شماره تلفن، نشانی یا نام کامل دارد. لطفاً آن را بردارید."},
			"hi":  {Title: "निजी जानकारी", Body: "आपके लेख में फ़ोन नंबर, पता या पूरा नाम जैसी निजी जानकारी है। कृपया उसे हटा दें।"},
			"nb":  {Title: "Personopplysninger", Body: "Teksten viser personopplysninger, som telefonnummer, adresse eller fullt navn. Ta dem bort."},
			"fil": {Title: "Personal na datos", Body: "May personal na datos ang iyong sinulat, gaya ng numero ng telepono, tirahan o buong pangalan. Pakialis ito."},
		}},
		{Code: "spam", Final: true, Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Advertising or spam", Body: "Your text advertises something or was posted to many places."},
			"tr":  {Title: "Reklam veya spam", Body: "Metniniz reklam yapıyor veya birçok yere gönderilmiş."},
			"fa":  {Title: "تبلیغ یا هرزنامه", Body: "متن شما تبلیغ است یا در جاهای بسیاری فرستاده شده است."},
			"hi":  {Title: "विज्ञापन या स्पैम", Body: "आपका लेख विज्ञापन है या कई जगह डाला गया है।"},
			"nb":  {Title: "Reklame eller søppelpost", Body: "Teksten er reklame eller er lagt ut mange steder."},
			"fil": {Title: "Patalastas o spam", Body: "Nagpapatalastas ang iyong sinulat o ipinadala sa maraming lugar."},
		}},
		{Code: "url", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Link", Body: "Your text contains a link. Please remove it."},
			"tr":  {Title: "Bağlantı", Body: "Metninizde bir bağlantı var. Lütfen çıkarın."},
			"fa":  {Title: "پیوند", Body: "متن شما پیوند دارد. لطفاً آن را بردارید."},
			"hi":  {Title: "लिंक", Body: "आपके लेख में लिंक है। कृपया उसे हटा दें।"},
			"nb":  {Title: "Lenke", Body: "Teksten inneholder en lenke. Ta den bort."},
			"fil": {Title: "Link", Body: "May link ang iyong sinulat. Pakialis ito."},
		}},
		{Code: "directs_away", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Leads to another seller", Body: "Your text sends shoppers to another seller or a private channel. Please leave that out."},
			"tr":  {Title: "Başka satıcıya yönlendirme", Body: "Metniniz alıcıları başka bir satıcıya veya özel bir kanala yönlendiriyor. Lütfen bunu çıkarın."},
			"fa":  {Title: "راهنمایی به فروشندهٔ دیگر", Body: "متن شما خریداران را به فروشندهٔ دیگر یا کانال خصوصی می\u200cفرستد. لطفاً آن را بردارید."},
			"hi":  {Title: "दूसरे विक्रेता की ओर भेजना", Body: "आपका लेख ख़रीदारों को दूसरे विक्रेता या निजी माध्यम की ओर भेजता है। कृपया उसे हटा दें।"},
			"nb":  {Title: "Viser til en annen selger", Body: "Teksten sender kunder til en annen selger eller en privat kanal. Ta det bort."},
			"fil": {Title: "Nagtuturo sa ibang nagbebenta", Body: "Itinuturo ng iyong sinulat ang mamimili sa ibang nagbebenta o pribadong usapan. Pakialis ito."},
		}},
		{Code: "rights", Final: true, Ground: GroundIllegal, Texts: map[string]Text{
			"en":  {Title: "Rights of others", Body: "Your text or picture belongs to somebody else or breaks their rights."},
			"tr":  {Title: "Başkalarının hakları", Body: "Metniniz veya görseliniz başkasına ait ya da haklarını ihlal ediyor."},
			"fa":  {Title: "حقوق دیگران", Body: "متن یا تصویر شما از آنِ دیگری است یا حق او را نقض می\u200cکند."},
			"hi":  {Title: "दूसरों के अधिकार", Body: "आपका लेख या चित्र किसी और का है या उसके अधिकारों का उल्लंघन करता है।"},
			"nb":  {Title: "Andres rettigheter", Body: "Teksten eller bildet tilhører noen andre eller krenker rettighetene deres."},
			"fil": {Title: "Karapatan ng iba", Body: "Pag-aari ng iba ang iyong sinulat o larawan, o lumalabag ito sa kanilang karapatan."},
		}},
		{Code: "illegal", Final: true, Ground: GroundIllegal, Texts: map[string]Text{
			"en":  {Title: "Illegal content", Body: "Your text or picture breaks the law, or asks others to."},
			"tr":  {Title: "Yasa dışı içerik", Body: "Metniniz veya görseliniz yasaya aykırı ya da başkalarını buna çağırıyor."},
			"fa":  {Title: "محتوای غیرقانونی", Body: "متن یا تصویر شما خلاف قانون است یا دیگران را به آن فرا می\u200cخواند."},
			"hi":  {Title: "ग़ैरक़ानूनी सामग्री", Body: "आपका लेख या चित्र क़ानून तोड़ता है या दूसरों से ऐसा करने को कहता है।"},
			"nb":  {Title: "Ulovlig innhold", Body: "Teksten eller bildet bryter loven eller oppfordrer andre til det."},
			"fil": {Title: "Labag sa batas", Body: "Labag sa batas ang iyong sinulat o larawan, o hinihikayat nito ang iba na lumabag."},
		}},
	}
}

// pictureReasons are about photos and videos; some of the others fit them too.
func pictureReasons() []Reason {
	return []Reason{
		{Code: "media", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Unsuitable picture", Body: "A picture or video does not show the product, or shows something that must not be public. Please remove it."},
			"tr":  {Title: "Uygunsuz görsel", Body: "Bir görsel veya video ürünü göstermiyor ya da herkese açık olmaması gereken bir şey gösteriyor. Lütfen çıkarın."},
			"fa":  {Title: "تصویر نامناسب", Body: "یک تصویر یا ویدیو کالا را نشان نمی\u200cدهد یا چیزی دارد که نباید عمومی باشد. لطفاً آن را بردارید."},
			"hi":  {Title: "अनुपयुक्त चित्र", Body: "कोई चित्र या वीडियो उत्पाद नहीं दिखाता या ऐसा कुछ दिखाता है जो सार्वजनिक नहीं होना चाहिए। कृपया उसे हटा दें।"},
			"nb":  {Title: "Uegnet bilde", Body: "Et bilde eller en video viser ikke varen, eller viser noe som ikke må være offentlig. Ta det bort."},
			"fil": {Title: "Hindi angkop na larawan", Body: "May larawan o video na hindi nagpapakita ng produkto o nagpapakita ng hindi dapat makita ng lahat. Pakialis ito."},
		}},
		{Code: "media_unclear", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Unclear picture", Body: "A picture or video does not show the product clearly, for example because it is too dark or blurred. Please take a better one or remove it."},
			"tr":  {Title: "Net olmayan görsel", Body: "Bir görsel veya video, örneğin çok karanlık ya da bulanık olduğu için ürünü net göstermiyor. Lütfen daha iyisini çekin veya çıkarın."},
			"fa":  {Title: "تصویر نامشخص", Body: "یک تصویر یا ویدیو کالا را روشن نشان نمی\u200cدهد، مثلاً چون بیش از حد تاریک یا تار است. لطفاً تصویر بهتری بگیرید یا آن را بردارید."},
			"hi":  {Title: "अस्पष्ट चित्र", Body: "किसी चित्र या वीडियो में उत्पाद साफ़ नहीं दिखता, जैसे बहुत अँधेरे या धुँधलेपन के कारण। कृपया बेहतर चित्र लें या उसे हटा दें।"},
			"nb":  {Title: "Utydelig bilde", Body: "Et bilde eller en video viser ikke varen tydelig, for eksempel fordi det er for mørkt eller uskarpt. Ta et bedre, eller ta det bort."},
			"fil": {Title: "Malabong larawan", Body: "Hindi malinaw na makita ang produkto sa isang larawan o video, halimbawa dahil masyadong madilim o malabo. Pakipalitan o pakialis ito."},
		}},
		{Code: "media_person", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Recognisable person", Body: "A picture or video shows somebody's face, name or other personal data. Please remove it or make that unrecognisable."},
			"tr":  {Title: "Tanınabilir kişi", Body: "Bir görsel veya videoda birinin yüzü, adı veya başka kişisel verileri görünüyor. Lütfen çıkarın ya da bunları tanınmaz hâle getirin."},
			"fa":  {Title: "شخص قابل شناسایی", Body: "در یک تصویر یا ویدیو چهره، نام یا دیگر داده\u200cهای شخصی کسی دیده می\u200cشود. لطفاً آن را بردارید یا این موارد را محو کنید."},
			"hi":  {Title: "पहचान में आने वाला व्यक्ति", Body: "किसी चित्र या वीडियो में किसी का चेहरा, नाम या अन्य निजी जानकारी दिखती है। कृपया उसे हटा दें या धुँधला कर दें।"},
			"nb":  {Title: "Gjenkjennelig person", Body: "Et bilde eller en video viser noens ansikt, navn eller andre personopplysninger. Ta det bort, eller gjør dette ugjenkjennelig."},
			"fil": {Title: "Nakikilalang tao", Body: "Makikita sa isang larawan o video ang mukha, pangalan o iba pang personal na datos ng isang tao. Pakialis o pakitakpan ito."},
		}},
	}
}

// qualityReasons are about what a text is for.
func qualityReasons() []Reason {
	return []Reason{
		{Code: "off_topic", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Not about the product", Body: "Your text is not about this product or topic. Please tell what you think of it."},
			"tr":  {Title: "Ürünle ilgili değil", Body: "Metniniz bu ürün veya konu hakkında değil. Lütfen onun hakkında ne düşündüğünüzü yazın."},
			"fa":  {Title: "نامربوط به کالا", Body: "متن شما دربارهٔ این کالا یا موضوع نیست. لطفاً نظرتان را دربارهٔ آن بنویسید."},
			"hi":  {Title: "उत्पाद के बारे में नहीं", Body: "आपका लेख इस उत्पाद या विषय के बारे में नहीं है। कृपया इसके बारे में अपनी राय लिखें।"},
			"nb":  {Title: "Handler ikke om varen", Body: "Teksten handler ikke om denne varen eller dette emnet. Fortell hva du synes om den."},
			"fil": {Title: "Hindi tungkol sa produkto", Body: "Hindi tungkol sa produkto o paksang ito ang iyong sinulat. Pakisabi ang palagay mo rito."},
		}},
		{Code: "service", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "About delivery or service", Body: "Your text is only about delivery, price or customer service. Please write about the product itself."},
			"tr":  {Title: "Teslimat veya hizmet hakkında", Body: "Metniniz yalnızca teslimat, fiyat veya müşteri hizmeti hakkında. Lütfen ürünün kendisini yazın."},
			"fa":  {Title: "دربارهٔ ارسال یا خدمات", Body: "متن شما تنها دربارهٔ ارسال، قیمت یا پشتیبانی است. لطفاً دربارهٔ خود کالا بنویسید."},
			"hi":  {Title: "डिलीवरी या सेवा के बारे में", Body: "आपका लेख केवल डिलीवरी, क़ीमत या ग्राहक सेवा के बारे में है। कृपया उत्पाद के बारे में लिखें।"},
			"nb":  {Title: "Om levering eller service", Body: "Teksten handler bare om levering, pris eller kundeservice. Skriv om selve varen."},
			"fil": {Title: "Tungkol sa delivery o serbisyo", Body: "Tungkol lang sa delivery, presyo o serbisyo ang iyong sinulat. Pakisulat ang tungkol sa mismong produkto."},
		}},
		{Code: "duplicate", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Posted before", Body: "The same text is already there. Please post it once, where it belongs."},
			"tr":  {Title: "Daha önce gönderilmiş", Body: "Aynı metin zaten var. Lütfen bir kez ve ait olduğu yere gönderin."},
			"fa":  {Title: "پیش\u200cتر فرستاده شده", Body: "همین متن از پیش وجود دارد. لطفاً آن را یک بار و در جای خودش بفرستید."},
			"hi":  {Title: "पहले से मौजूद", Body: "यही लेख पहले से मौजूद है। कृपया उसे एक ही बार, सही जगह पर डालें।"},
			"nb":  {Title: "Lagt ut før", Body: "Den samme teksten finnes allerede. Legg den ut én gang, der den hører hjemme."},
			"fil": {Title: "Naipadala na", Body: "Nariyan na ang parehong sinulat. Pakipadala nang isang beses lang, sa tamang lugar."},
		}},
		{Code: "language", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Language", Body: "We cannot check texts in this language. Please write in a language of this shop."},
			"tr":  {Title: "Dil", Body: "Bu dildeki metinleri inceleyemiyoruz. Lütfen mağazanın dillerinden birinde yazın."},
			"fa":  {Title: "زبان", Body: "ما نمی\u200cتوانیم متن\u200cهای این زبان را بررسی کنیم. لطفاً به یکی از زبان\u200cهای این فروشگاه بنویسید."},
			"hi":  {Title: "भाषा", Body: "हम इस भाषा के लेख नहीं जाँच सकते। कृपया इस दुकान की किसी भाषा में लिखें।"},
			"nb":  {Title: "Språk", Body: "Vi kan ikke vurdere tekster på dette språket. Skriv på et av butikkens språk."},
			"fil": {Title: "Wika", Body: "Hindi namin masusuri ang mga sulat sa wikang ito. Pakisulat sa isa sa mga wika ng tindahan."},
		}},
		{Code: "no_content", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Says too little", Body: "Your text says nothing about the product that would help others. Please add what you noticed."},
			"tr":  {Title: "İçerik yetersiz", Body: "Metniniz başkalarına yardımcı olacak bir şey söylemiyor. Lütfen gözlemlerinizi ekleyin."},
			"fa":  {Title: "محتوای ناکافی", Body: "متن شما چیزی نمی\u200cگوید که به دیگران کمک کند. لطفاً آنچه دیده\u200cاید بیفزایید."},
			"hi":  {Title: "बहुत कम जानकारी", Body: "आपका लेख दूसरों के काम की कोई बात नहीं बताता। कृपया अपना अनुभव जोड़ें।"},
			"nb":  {Title: "Sier for lite", Body: "Teksten sier ikke noe som hjelper andre. Legg til det du la merke til."},
			"fil": {Title: "Kulang ang nilalaman", Body: "Walang sinasabi ang iyong sinulat na makatutulong sa iba. Pakidagdag ang napansin mo."},
		}},
		{Code: "undisclosed_incentive", Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Reward not disclosed", Body: "You seem to have got the product or a reward for this text. Please say so in it."},
			"tr":  {Title: "Ödül belirtilmemiş", Body: "Bu metin için ürün veya ödül aldığınız anlaşılıyor. Lütfen bunu metinde belirtin."},
			"fa":  {Title: "پاداش گفته نشده", Body: "به نظر می\u200cرسد برای این متن کالا یا پاداش گرفته\u200cاید. لطفاً این را در متن بگویید."},
			"hi":  {Title: "इनाम नहीं बताया", Body: "लगता है कि इस लेख के लिए आपको उत्पाद या इनाम मिला है। कृपया यह लेख में बताएँ।"},
			"nb":  {Title: "Belønning ikke oppgitt", Body: "Du ser ut til å ha fått varen eller en belønning for teksten. Oppgi det i den."},
			"fil": {Title: "Hindi sinabing gantimpala", Body: "Mukhang nakatanggap ka ng produkto o gantimpala para sa sinulat na ito. Pakisabi ito sa iyong sinulat."},
		}},
		{Code: "conflict_of_interest", Final: true, Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Conflict of interest", Body: "Your text is about a product of your own, of your employer or of a competitor."},
			"tr":  {Title: "Çıkar çatışması", Body: "Metniniz kendi ürününüz, işvereninizin veya bir rakibin ürünü hakkında."},
			"fa":  {Title: "تعارض منافع", Body: "متن شما دربارهٔ کالای خودتان، کارفرمایتان یا یک رقیب است."},
			"hi":  {Title: "हितों का टकराव", Body: "आपका लेख आपके अपने, आपके नियोक्ता के या किसी प्रतिद्वंद्वी के उत्पाद के बारे में है।"},
			"nb":  {Title: "Interessekonflikt", Body: "Teksten handler om en vare fra deg selv, arbeidsgiveren din eller en konkurrent."},
			"fil": {Title: "Salungatan ng interes", Body: "Tungkol sa sarili mong produkto, sa produkto ng iyong amo o ng kakumpitensiya ang iyong sinulat."},
		}},
		{Code: "not_genuine", Final: true, Ground: GroundTerms, Texts: map[string]Text{
			"en":  {Title: "Not genuine", Body: "We have good grounds to believe that this text does not rest on an experience of your own."},
			"tr":  {Title: "Gerçek değil", Body: "Bu metnin kendi deneyiminize dayanmadığına inanmak için iyi nedenlerimiz var."},
			"fa":  {Title: "غیرواقعی", Body: "دلایل خوبی داریم که این متن بر تجربهٔ خود شما استوار نیست."},
			"hi":  {Title: "असली नहीं", Body: "हमारे पास यह मानने के ठोस कारण हैं कि यह लेख आपके अपने अनुभव पर आधारित नहीं है।"},
			"nb":  {Title: "Ikke ekte", Body: "Vi har god grunn til å tro at teksten ikke bygger på din egen erfaring."},
			"fil": {Title: "Hindi tunay", Body: "May sapat kaming dahilan para maniwalang hindi batay sa sarili mong karanasan ang sinulat na ito."},
		}},
	}
}
