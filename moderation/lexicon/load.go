package lexicon

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

//go:embed words/*.txt
var files embed.FS

// Category says what an entry means.
type Category string

// The categories.
const (
	Profanity Category = "profanity"
	Insult    Category = "insult"
	Hate      Category = "hate"
	Threat    Category = "threat"
	Sexual    Category = "sexual"
	Spam      Category = "spam"
	Away      Category = "directs_away"
	Incentive Category = "incentivized"
	Positive  Category = "positive"
	Negative  Category = "negative"
	Negation  Category = "negation"
	exception Category = "exception"
)

// Entry is one line of a list.
type Entry struct {
	Text     string
	Language string
	Category Category
	Severity string
	Weight   float64
	// Rule names the list and its version: "lexicon/tr@1".
	Rule string

	mask       uint32 // bit of the list's language
	everywhere bool
	hashtag    bool
	words      []int32 // patterns of a phrase; nil for a single word
}

// pattern is one word of an entry, as the trie finds it.
type pattern struct {
	entry     int32 // the entry it is all of, -1 for a word of phrases only
	starts    []int32
	ending    ending
	mask      uint32
	exactOnly bool // with diacritics only
	anywhere  bool
	strong    bool // worth unmasking
}

type ending uint8

const (
	endNone ending = iota
	endInflected
	endAny
)

// Set is the compiled lists. It is immutable and safe for concurrent use.
type Set struct {
	entries   []Entry
	patterns  []pattern
	exact     *trie // as written, diacritics kept
	fold      *trie // diacritics dropped, without the exact-only ones
	squeezed  *trie // strong words with runs of letters cut to one
	censored  map[int][]censor
	bits      map[string]uint32
	suffixes  []map[string]bool // by language bit number
	versions  map[string]string
	dedup     map[patternKey]int32
	languages []string
}

type censor struct {
	word    string
	pattern int32
}

type patternKey struct {
	word      string
	ending    ending
	language  string
	exactOnly bool
	anywhere  bool
	single    int32
}

// Load compiles the built-in lists.
func Load() (*Set, error) { return LoadFS(files, "words") }

// LoadFS compiles the *.txt lists of a folder; the file name is the language.
// It refuses a list with a bad line, naming file and line.
func LoadFS(fsys fs.FS, dir string) (*Set, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("lexicon: %w", err)
	}
	if len(names) == 0 || len(names) > 32 {
		return nil, fmt.Errorf("lexicon: %d lists, want 1 to 32", len(names))
	}
	s := &Set{
		exact: newTrie(), fold: newTrie(), squeezed: newTrie(), censored: map[int][]censor{},
		bits: map[string]uint32{}, versions: map[string]string{}, dedup: map[patternKey]int32{},
	}
	for i, name := range names {
		language := strings.TrimSuffix(path.Base(name), ".txt")
		s.bits[language] = 1 << i
		s.languages = append(s.languages, language)
		s.suffixes = append(s.suffixes, suffixSet(language))
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("lexicon: %w", err)
		}
		if err := s.read(language, string(raw)); err != nil {
			return nil, fmt.Errorf("lexicon: %s: %w", name, err)
		}
	}
	s.index()
	return s, nil
}

// Versions gives the version of every list by language.
func (s *Set) Versions() map[string]string {
	out := make(map[string]string, len(s.versions))
	for k, v := range s.versions {
		out[k] = v
	}
	return out
}

// Languages lists the languages that have a list.
func (s *Set) Languages() []string { return append([]string(nil), s.languages...) }

func (s *Set) read(language, text string) error {
	section := Entry{Language: language, mask: s.bits[language]}
	sc := bufio.NewScanner(strings.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "version "):
			s.versions[language] = strings.TrimPrefix(line, "version ")
			section.Rule = "lexicon/" + language + "@" + s.versions[language]
		case line[0] == '[':
			if err := parseSection(line, &section); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		default:
			if section.Rule == "" {
				return fmt.Errorf("line %d: entry before the version", n)
			}
			for part := range strings.SplitSeq(line, ",") {
				if err := s.entry(section, strings.TrimSpace(part)); err != nil {
					return fmt.Errorf("line %d: %w", n, err)
				}
			}
		}
	}
	return sc.Err()
}

func parseSection(line string, section *Entry) error {
	f := strings.Fields(strings.Trim(line, "[]"))
	if len(f) != 3 {
		return fmt.Errorf("section %q: want category, severity, weight", line)
	}
	weight, err := strconv.ParseFloat(f[2], 64)
	if err != nil || !(weight >= 0 && weight <= 1) {
		return fmt.Errorf("section %q: weight is not within 0..1", line)
	}
	section.Category, section.Severity, section.Weight = Category(f[0]), f[1], weight
	switch section.Category {
	case Profanity, Insult, Hate, Threat, Sexual, Spam, Away, Incentive, Positive, Negative, Negation:
	default:
		return fmt.Errorf("section %q: unknown category", line)
	}
	switch section.Severity {
	case "info", "low", "medium", "high":
		return nil
	}
	return fmt.Errorf("section %q: unknown severity", line)
}

// flags are the signs before an entry.
func flags(e *Entry, line string) (rest string, exactOnly bool) {
	for line != "" {
		switch line[0] {
		case '!':
			e.Category = exception
		case '=':
			exactOnly = true
		case '^':
			e.everywhere = true
		case '#':
			e.hashtag = true
		default:
			return line, exactOnly
		}
		line = line[1:]
	}
	return line, exactOnly
}

// piece is one token of an entry with the ending it may take.
type piece struct {
	exact, fold string
	ending      ending
}

func pieces(line, language string) ([]piece, error) {
	var out []piece
	var t textnorm.Text
	for field := range strings.FieldsSeq(line) {
		end := endNone
		word := field
		switch field[len(field)-1] {
		case '*':
			end, word = endAny, field[:len(field)-1]
		case '+':
			end, word = endInflected, field[:len(field)-1]
		}
		t.Reset(word, language)
		if len(t.Tokens) == 0 {
			return nil, fmt.Errorf("%q has no letter", field)
		}
		for i := range t.Tokens {
			exact := string(t.Exact(i))
			out = append(out, piece{exact: exact, fold: textnorm.FoldWord(exact)})
		}
		out[len(out)-1].ending = end
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no word")
	}
	return out, nil
}

func (s *Set) entry(e Entry, line string) error {
	text, exactOnly := flags(&e, line)
	e.Text = strings.NewReplacer("*", "", "+", "").Replace(text)
	if e.Category == "" {
		return fmt.Errorf("entry %q: no section", line)
	}
	words, err := pieces(text, e.Language)
	if err != nil {
		return fmt.Errorf("entry %q: %w", line, err)
	}
	id := int32(len(s.entries))
	if len(words) == 1 {
		s.pattern(words[0], e, exactOnly, id)
	} else {
		for _, w := range words {
			e.words = append(e.words, s.pattern(w, e, exactOnly, -1))
		}
		first := &s.patterns[e.words[0]]
		first.starts = append(first.starts, id)
	}
	s.entries = append(s.entries, e)
	return nil
}

// pattern stores one word; words of phrases are shared.
func (s *Set) pattern(w piece, e Entry, exactOnly bool, single int32) int32 {
	exact, fold := w.exact, w.fold
	key := patternKey{exact, w.ending, e.Language, exactOnly, e.everywhere, single}
	if p, ok := s.dedup[key]; ok {
		return p
	}
	strong := single >= 0 && !exactOnly && len(fold) >= 3 && (e.Severity == "medium" || e.Severity == "high")
	switch e.Category {
	case Profanity, Insult, Hate, Sexual:
	default:
		strong = false
	}
	id := int32(len(s.patterns))
	s.patterns = append(s.patterns, pattern{
		entry: single, ending: w.ending, mask: e.mask, exactOnly: exactOnly, anywhere: e.everywhere, strong: strong,
	})
	s.dedup[key] = id
	s.exact.add(exact, id)
	if !exactOnly {
		s.fold.add(fold, id)
	}
	if strong {
		s.squeezed.add(string(textnorm.Squeeze([]byte(fold), nil)), id)
		s.censored[len(fold)] = append(s.censored[len(fold)], censor{fold, id})
	}
	return id
}

// index drops what only compiling needed.
func (s *Set) index() { s.dedup = nil }
