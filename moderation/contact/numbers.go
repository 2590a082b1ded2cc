package contact

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

const (
	minPhoneDigits = 7
	maxPhoneDigits = 15
	minCardDigits  = 13
	maxCardDigits  = 19
	keywordReach   = 30 // runes before a number in which a keyword counts
	maxCandidates  = 20 // parsing a number is dear: look at the first ones only
)

// run is a stretch of digits with separators.
type run struct {
	start, end int
	digits     string
	groups     []int
	seps       []rune
	plus       bool
}

func isSeparator(r rune) bool {
	switch r {
	case ' ', '-', '.', '(', ')', '/', '\u00a0', '–', '‑':
		return true
	}
	return false
}

// numbers finds cards, IBANs and telephone numbers.
func (s *scanner) numbers() {
	candidates := 0
	for i := 0; i < len(s.runes) && candidates < maxCandidates; i++ {
		if s.iban(i) {
			candidates++
		}
		if _, ok := textnorm.Digit(s.runes[i]); !ok {
			continue
		}
		r := s.run(i)
		if len(r.digits) >= minPhoneDigits && !s.insideWord(r) {
			candidates++
			s.number(r)
		}
		i = r.end - 1
	}
}

func (s *scanner) run(i int) run {
	r := run{start: i, end: i}
	group := 0
	var sep rune
	for j, gap := i, 0; j < len(s.runes) && gap <= 3 && len(r.digits) <= maxCardDigits; j++ {
		if d, ok := textnorm.Digit(s.runes[j]); ok {
			if gap > 0 {
				r.groups = append(r.groups, group)
				r.seps = append(r.seps, sep)
				group = 0
			}
			group++
			gap = 0
			r.digits += string(rune(d))
			r.end = j + 1
			continue
		}
		if !isSeparator(s.runes[j]) {
			break
		}
		sep = s.runes[j]
		gap++
	}
	r.groups = append(r.groups, group)
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		switch s.runes[k] {
		case '+', '＋':
			r.plus, r.start = true, k
		case '(':
			r.start = k
			continue
		}
		break
	}
	return r
}

// insideWord: letters touch the number ("X5000000", "12345678kg").
func (s *scanner) insideWord(r run) bool {
	return r.start > 0 && isLetter(s.runes[r.start-1]) || r.end < len(s.runes) && isLetter(s.runes[r.end])
}

func (s *scanner) number(r run) {
	separated := len(r.groups) > 1
	if n := len(r.digits); n >= minCardDigits && n <= maxCardDigits && strings.IndexByte("23456", r.digits[0]) >= 0 && luhn(r.digits) {
		if separated && cardGroups(r.groups) || s.keyword(r.start, cardWords) {
			s.add(Finding{Kind: Card, Start: r.start, End: r.end})
			return
		}
	}
	if len(r.digits) > maxPhoneDigits || isDate(r) || isAmount(r) {
		return
	}
	keyword := s.keyword(r.start, phoneWords)
	trunk := r.digits[0] == '0'
	if !r.plus && !separated && !keyword && !trunk {
		return // an order number, most likely
	}
	if separated && !r.plus && !trunk && !keyword && !dialled(r) {
		return
	}
	text := r.digits
	if r.plus {
		text = "+" + text
	} else if strings.HasPrefix(text, "00") {
		text = "+" + text[2:]
	}
	regions := s.opt.Regions
	if text[0] == '+' {
		regions = []string{"ZZ"}
	}
	for _, region := range regions {
		p, err := phonenumbers.Parse(text, strings.ToUpper(region))
		if err == nil && phonenumbers.IsValidNumber(p) {
			s.add(Finding{Kind: Phone, Start: r.start, End: r.end})
			return
		}
	}
}

// dialled: groups as people write a number: two to four digits each, at least
// three of them, or area code and number.
func dialled(r run) bool {
	if len(r.groups) < 2 || len(r.groups) > 6 {
		return false
	}
	for _, g := range r.groups {
		if g < 2 || g > 5 {
			return false
		}
	}
	return len(r.groups) >= 3 || r.groups[0] >= 3
}

// isDate: year-month-day or day.month.year.
func isDate(r run) bool {
	if len(r.groups) < 3 {
		return false
	}
	g := r.groups
	year := func(at int) bool {
		return strings.HasPrefix(r.digits[at:], "19") || strings.HasPrefix(r.digits[at:], "20")
	}
	return g[0] == 4 && g[1] <= 2 && g[2] <= 2 && year(0) || g[0] <= 2 && g[1] <= 2 && g[2] == 4 && year(g[0]+g[1])
}

// isAmount: thousands separated by dots ("1.299.000").
func isAmount(r run) bool {
	if len(r.groups) < 2 || r.groups[0] > 3 || r.plus || r.digits[0] == '0' {
		return false
	}
	for i, g := range r.groups[1:] {
		if g != 3 || r.seps[i] != '.' && r.seps[i] != ',' {
			return false
		}
	}
	return true
}

func cardGroups(groups []int) bool {
	for _, g := range groups {
		if g < 3 || g > 6 {
			return false
		}
	}
	return len(groups) >= 3
}

// luhn is the check of ISO/IEC 7812-1.
func luhn(digits string) bool {
	sum, double := 0, false
	same := true
	for i := len(digits) - 1; i >= 0; i-- {
		d := int(digits[i] - '0')
		same = same && digits[i] == digits[0]
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0 && !same
}

// ibanLengths by country, from the SWIFT registry.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AT": 20, "AZ": 28, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
	"EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IR": 26, "IS": 26, "IT": 27,
	"JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PK": 24,
	"PL": 28, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TN": 24, "TR": 26, "UA": 29,
}

// iban finds an IBAN whose country code is at i.
func (s *scanner) iban(i int) bool {
	runes := s.runes
	if i+14 >= len(runes) || i > 0 && isWordRune(runes[i-1]) {
		return false
	}
	a, b := textnorm.ASCIILetter(runes[i]), textnorm.ASCIILetter(runes[i+1])
	if a == 0 || b == 0 {
		return false
	}
	want := ibanLengths[strings.ToUpper(string([]byte{a, b}))]
	if want == 0 {
		return false
	}
	code := make([]byte, 0, want)
	j := i
	for ; j < len(runes) && len(code) < want; j++ {
		if d, ok := textnorm.Digit(runes[j]); ok {
			code = append(code, d)
		} else if l := textnorm.ASCIILetter(runes[j]); l != 0 {
			code = append(code, l)
		} else if runes[j] != ' ' && runes[j] != '-' {
			return false
		}
	}
	if len(code) != want || !isDigit(code[2]) || !isDigit(code[3]) || j < len(runes) && isWordRune(runes[j]) || mod97(code) != 1 {
		return false
	}
	s.add(Finding{Kind: IBAN, Start: i, End: j})
	return true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// mod97 is the check of ISO 7064 that ISO 13616 uses for IBANs.
func mod97(code []byte) int {
	rem := 0
	for k := range code {
		c := code[(k+4)%len(code)]
		if c >= '0' && c <= '9' {
			rem = (rem*10 + int(c-'0')) % 97
		} else {
			rem = (rem*100 + int(c-'a') + 10) % 97
		}
	}
	return rem
}

var (
	phoneWords = []string{
		"tel", "phone", "call", "whatsapp", "telegram", "viber", "sms", "mobile", "cell", "contact", "text me", "reach me",
		"numara", "ara", "gsm", "cep", "iletişim", "iletisim", "تماس", "تلفن", "موبایل", "شماره", "واتس", "फोन", "कॉल", "नंबर", "मोबाइल", "number", "ring",
		"mobil", "tlf", "tawag", "numero", "numéro", "appel", "llama", "móvil", "handy", "nummer", "anruf", "ruf",
	}
	cardWords = []string{"card", "visa", "mastercard", "amex", "kart", "کارت", "कार्ड", "kort", "karte", "carte", "tarjeta"}
)

// keyword: one of the words stands shortly before the number.
func (s *scanner) keyword(start int, list []string) bool {
	before := strings.ToLower(string(s.runes[max(0, start-keywordReach):start]))
	for _, w := range list {
		if strings.Contains(before, w) {
			return true
		}
	}
	return false
}

// RegionsOf guesses telephone regions from a language, for shops that named none.
func RegionsOf(language string) []string {
	switch language {
	case "tr":
		return []string{"TR"}
	case "fa":
		return []string{"IR"}
	case "hi":
		return []string{"IN"}
	case "nb", "nn", "no":
		return []string{"NO"}
	case "fil", "tl":
		return []string{"PH"}
	case "de":
		return []string{"DE", "AT", "CH"}
	case "fr":
		return []string{"FR"}
	case "es":
		return []string{"ES", "MX"}
	default:
		return []string{"US", "GB", "IN"}
	}
}
