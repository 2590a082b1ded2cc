package language

import (
	"slices"
	"strings"
	"unicode"
)

// Words that tell a language even in the middle of another: particles,
// pronouns and auxiliaries that no other language here has as common words.
var (
	romanHindi = set(`hai hain hoon hun tha thi nahi nahin nai mat kya kyu kyun kaise kahan kaun bahut bohot bahot
		accha acha achha achhi acchi achi bekar bakwas ghatiya mera meri mere tera teri tumhara hamara aap hum tum mujhe mujhko
		isko usko iska iski iske uska uski unka yeh ye woh wo aur lekin magar par bhi sirf bilkul ekdum
		raha rahi rahe gaya gayi gaye liya diya kiya karo karna karne karta karti kar hua hui hue hota hoti hote
		ka ki ke ko mein se wala wali wale paisa paise mast sahi thik theek jaldi matlab abhi phir jab tab toh`)
	// romanShared also occur in other languages and only support the rest.
	romanShared = set(`ye wo par ka ki ke ko se kar mat hum sahi mast tab hun hue mere ekdum tum mein wale raha`)
	filipino    = set(`ang ng mga sa ay at po opo yung yun ung nung kasi lang lng naman nmn din rin daw talaga tlga
		ako ko mo siya sya kami tayo kayo sila nila niya nya namin natin ninyo ito iyan yan iyon dito diyan
		hindi hnd wala walang meron mayroon may pero para kaya kung dahil nang nga pa sana salamat
		maganda magandang ganda gumagana sulit mura okay mabilis dumating sira ayos sobra sobrang bili bumili order
		kulay tela sira pag kapag ganun ganyan ganito bakit paano saan anong ano pang parang mabuti ulit`)
	filipinoShared = set(`at sa may pa ay mo ko order okay para kung sana ang mura pag kami kaya ganda ng yan yun ito pang lang kapag`)
)

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// mixed recognises Hindi in Latin letters and Taglish by their particles.
func mixed(words []string, expected []string) (code string, confidence float64, ok bool) {
	if !latin(words) {
		return "", 0, false
	}
	hi := share(words, romanHindi, romanShared)
	fil := share(words, filipino, filipinoShared)
	needHi, needFil := 0.30, 0.17
	if slices.Contains(expected, "hi") {
		needHi = 0.2
	}
	if slices.Contains(expected, "fil") {
		needFil = 0.08
	}
	switch {
	case fil >= needFil && fil >= hi:
		return "fil", min(1, 0.5+fil), true
	case hi >= needHi:
		return "hi", min(1, 0.5+hi), true
	}
	return "", 0, false
}

// share is the part of the words that tell, those shared with other languages
// counted only when at least one other does.
func share(words []string, telling, shared map[string]bool) float64 {
	sure, maybe := 0, 0
	for _, w := range words {
		switch {
		case !telling[w]:
		case shared[w]:
			maybe++
		default:
			sure++
		}
	}
	if sure == 0 || sure+maybe < 2 && len(words) > 3 {
		return 0
	}
	return float64(sure+maybe) / float64(len(words))
}

func latin(words []string) bool {
	for _, w := range words {
		for _, r := range w {
			if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
				return false
			}
		}
	}
	return true
}
