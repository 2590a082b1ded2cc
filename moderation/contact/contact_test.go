package contact_test

import (
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation/contact"
)

func TestScan(t *testing.T) {
	t.Parallel()
	all := []string{"TR", "IR", "IN", "NO", "PH", "US", "GB", "DE"}
	for _, tt := range []struct {
		in   string
		want string // kind=text pairs, separated by ";"
	}{
		{"write to jane.doe+shop@example.com please", "email=jane.doe+shop@example.com"},
		{"jane at gmail dot com", "email=jane at gmail dot com"},
		{"see https://spam.example/path?x=1.", "url=https://spam.example/path?x=1"},
		{"see www.cheap-stuff.biz now", "url=www.cheap-stuff.biz"},
		{"buy at cheap-stuff.com!", "url=cheap-stuff.com"},
		{"ucuzu var: ucuzcu.com.tr", "url=ucuzcu.com.tr"},
		{"example dot com is cheaper", "url=example dot com"},
		{"example[.]com", "url=example[.]com"},
		{"our own shop.candor.example/p/1 and candor.example", ""},
		{"Looks great.it fits well.The end...ok", ""},
		{"It is fine. In summer too. Com", ""},
		{"Güzel ürün.Biz sevdik, at this point in time, a cup). in black", ""},
		{"because it feels so good, be strong and then some", ""},
		{"ara beni 0532 123 45 67", "phone=0532 123 45 67"},
		{"call 05321234567", "phone=05321234567"},
		{"call +90 532 123 45 67 now", "phone=+90 532 123 45 67"},
		{"شماره ۰۹۱۲۳۴۵۶۷۸۹", "phone=۰۹۱۲۳۴۵۶۷۸۹"},
		{"whatsapp 98765 43210", "phone=98765 43210"},
		{"ring 92 34 56 78", "phone=92 34 56 78"},
		{"text me 0917 123 4567", "phone=0917 123 4567"},
		{"(212) 555-0123 x", "phone=(212) 555-0123"},
		{"order 123456789012 arrived 2023-05-12 or 12.05.2023", ""},
		{"costs 1.299.000 or 12,500,000 and is 120x60", ""},
		{"model X5000000 weighs 12345678g", ""},
		{"my card 4111 1111 1111 1111 was charged", "card=4111 1111 1111 1111"},
		{"order 4111111111111111", ""},
		{"IBAN TR33 0006 1005 1978 6457 8413 26 ok", "iban=TR33 0006 1005 1978 6457 8413 26"},
		{"TR34 0006 1005 1978 6457 8413 26", ""},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			runes := []rune(tt.in)
			var got []string
			for _, f := range contact.Scan(runes, contact.Options{Regions: all, Own: []string{"candor.example"}}) {
				got = append(got, f.Kind+"="+string(runes[f.Start:f.End]))
			}
			if s := strings.Join(got, ";"); s != tt.want {
				t.Errorf("found %q, want %q", s, tt.want)
			}
		})
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"a@b.com", "http://", "+90 532 123 45 67", "TR33 0006", "example . com", "１２３", "@.@.@", "....", "www."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		runes := []rune(s)
		last := 0
		for _, x := range contact.Scan(runes, contact.Options{Regions: []string{"TR", "US"}}) {
			if x.Start < last || x.End <= x.Start || x.End > len(runes) {
				t.Fatalf("finding %+v after %d of %d", x, last, len(runes))
			}
			last = x.End
		}
	})
}
