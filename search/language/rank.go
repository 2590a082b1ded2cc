package language

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/pemistahl/lingua-go"

	"github.com/candor-ugc/candor/search/analysis"
)

// Weights of the evidence, in natural logarithms. Trigrams of one short
// sentence say little; its function words say much, and a letter that a
// language does not use says most.
const (
	weightCommon = 5.0
	weightAlien  = -1.5
)

// prior says how much likelier a language is than its look-alikes before
// anything is read: the product's own languages and the widespread ones win
// over near relatives that few shops meet.
var prior = map[string]float64{
	"en": 0.7, "tr": 0.4, "fa": 0.4, "hi": 0.4, "nb": 0.4, "nn": 0.1, "fil": 0.1, "de": 0.2, "fr": 0.2, "es": 0.3, "it": 0.3,
	"da": -0.4, "sv": -0.2, "pt": -0.2, "ro": -0.8, "hu": -0.8, "fi": -0.6, "pl": -0.4, "id": -0.3, "ur": -0.8, "uk": -0.4,
}

type candidate struct {
	code  string
	value float64 // 0 to 1; all candidates add up to 1
}

// rank orders the candidates by all evidence together.
func (d *Detector) rank(values []lingua.ConfidenceValue, words []string) []candidate {
	out := make([]candidate, 0, len(values))
	folded := make([]string, len(words))
	for i, w := range words {
		folded[i] = analysis.Fold(w)
	}
	text := strings.Join(words, " ")
	sum := 0.0
	for _, v := range values {
		if v.Value() == 0 {
			continue
		}
		code := codes[v.Language()]
		score := math.Log(v.Value()) + weightCommon*d.commonShare(code, folded) + prior[code]
		if alphabet, ok := ownLetters[code]; ok && strings.ContainsAny(text, foreignLetters) {
			for _, r := range text {
				if strings.ContainsRune(foreignLetters, r) && !strings.ContainsRune(alphabet, r) {
					score += weightAlien
				}
			}
		}
		value := math.Exp(score)
		sum += value
		out = append(out, candidate{code, value})
	}
	for i := range out {
		out[i].value /= sum
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.value, a.value), strings.Compare(a.code, b.code))
	})
	return out
}

// commonShare is the part of the words that are function words of a language.
func (d *Detector) commonShare(code string, folded []string) float64 {
	list := d.common[code]
	n := 0
	for _, w := range folded {
		if _, ok := list[w]; ok {
			n++
		}
	}
	return float64(n) / float64(max(1, len(folded)))
}

// functionWords takes the analyzers' stop words and adds what their lists
// lack for telling near languages apart.
func functionWords() map[string]map[string]struct{} {
	out := make(map[string]map[string]struct{})
	for _, code := range codes {
		list := analysis.StopWords(analysis.Key(code))
		if analysis.Key(code) == Undetermined || list == nil {
			list = make(map[string]struct{})
		}
		for w := range strings.FieldsSeq(moreFunctionWords[code]) {
			list[analysis.Fold(w)] = struct{}{}
		}
		for w := range strings.FieldsSeq(notFunctionWords[code]) {
			delete(list, analysis.Fold(w))
		}
		out[code] = list
	}
	return out
}

var moreFunctionWords = map[string]string{
	"en": "the a an is are was were be been do does did don't doesn't didn't isn't i'm i've it's that's can't i'll he's she's you're they we you i my your his her its our very not no so too just than then there here what when where who why how would could should will can may must",
	"nb": "jeg deg meg seg av ble blir noe noen hva hvor hvem nå etter bare også veldig skal vil kan må ikke er var har hadde fra mye gjør fikk får gikk",
	"nn": "eg ikkje me dei ein eit kva kvar kven korleis noko nokon mykje berre også ho frå vart vere var er har skal vil kan må av meg deg seg nå no ikkje gjer",
	"da": "jeg dig mig sig af blev bliver noget nogen hvad hvor hvem nu efter også meget skal vil kan må ikke er var har havde fra mere gør fik får gik",
	"sv": "jag dig mig sig av blev blir något någon vad var vem nu efter också mycket ska vill kan måste inte är har hade från mer och att det som för på ett en",
	"es": "el la los las un una de que y en no se por con para su al lo es está muy qué más pero como cuando yo tú él ella mi tu te me le nos hay fue era del son tiene tengo",
	"pt": "o a os as um uma de que e em não se por com para seu ao é está muito mais mas como quando eu você ele ela meu te me lhe nos há foi era do da dos das no na são tem tenho isso",
	"it": "il lo la gli le un una di che e in non si per con suo al è sta molto più ma come quando io tu lui lei mio ti mi ci ho ha hai sono fu era del della dei delle nel nella questo questa",
	"fr": "le la les un une de que et en ne pas se pour avec son au est très plus mais comme quand je tu il elle mon te me lui nous y a fut était du des ce cette c'est j'ai n'est qu'il d'un d'une l'a",
	"fa": "من تو او ما شما آن این را از به با در که و است بود شد می نمی هم برای یک چه کرد کند دارد دارم خیلی",
	"ur": "میں تم وہ ہم آپ یہ کو سے پر کے کی کا اور ہے ہیں تھا تھی نہیں کر رہا رہی",
	"ar": "أنا أنت هو هي نحن هذا هذه من إلى في على عن مع لا ما لم لن قد كان هل",
	"id": "yang dan di ke dari ini itu tidak dengan untuk saya aku kamu dia kami mereka ada akan sudah adalah bisa tom harus sangat apa",
	"pl": "i w na z nie to jest się do że jak po za od o ale co tak tylko ja ty on ona my",
	"uk": "і в на з не це є що як до за від але так тільки я ти він вона ми",
	"nl": "ik je jij hij zij wij het de een van en in is niet dat op te voor met zijn was er aan heeft hebben",
	"de": "ich du er sie wir ihr das der die ein eine und in ist nicht dass auf zu für mit sein war es an hat haben",
	"tr": "bir bu ve de da ne için ben sen o biz çok daha mi mı mu mü değil var yok gibi kadar ama",
	"fi": "minä sinä hän me te he on ei ja se että oli en olen mitä kun niin",
}

// notFunctionWords are entries of the stop lists that say nothing about a
// language because another one uses them as much.
var notFunctionWords = map[string]string{
	"da": "av",
	"fr": "on",
}

// foreignLetters are letters that only some of the languages use.
const foreignLetters = "æøåäößñãõçğışœêôûâîëïèòùìéáíóúőűățșţąćęłńśźżٹڈڑےںہھپچژگکیكيىة"

// ownLetters are those of foreignLetters that a language uses.
var ownLetters = map[string]string{
	"en": "é", "nb": "æøåéòôèê", "nn": "æøåéòôèê", "da": "æøåé", "sv": "åäöé", "fi": "äöå", "de": "äößé",
	"fr": "çœêôûâîëïèùéæ", "es": "ñáéíóúï", "it": "èòùìéàîó", "pt": "ãõçêôâáéíóú", "nl": "ëïéèóöä", "tr": "çğışöâîû", "fil": "ñáéíóú",
	"hu": "áéíóöőúű", "ro": "ăâîțșţş", "pl": "óąćęłńśźż", "id": "é",
	"fa": "پچژگکیة", "ur": "ٹڈڑےںہھپچژگکی", "ar": "كيىة",
}
