package lexicon

// trie maps byte strings to numbers and gives every stored prefix of a word
// in one walk.
type trie struct {
	nodes []node
	root  [256]int32 // children of the root, 0 for none: it has the most
}

type node struct {
	edges []edge
	terms []int32
}

type edge struct {
	b  byte
	to int32
}

func newTrie() *trie { return &trie{nodes: make([]node, 1)} }

func (t *trie) add(word string, term int32) {
	at := int32(0)
	for i := range len(word) {
		next := t.step(at, word[i])
		if next < 0 {
			next = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{})
			if at == 0 {
				t.root[word[i]] = next
			} else {
				t.nodes[at].edges = append(t.nodes[at].edges, edge{word[i], next})
			}
		}
		at = next
	}
	t.nodes[at].terms = append(t.nodes[at].terms, term)
}

func (t *trie) step(at int32, b byte) int32 {
	if at == 0 {
		if to := t.root[b]; to != 0 {
			return to
		}
		return -1
	}
	for _, e := range t.nodes[at].edges {
		if e.b == b {
			return e.to
		}
	}
	return -1
}

// walk calls found for every stored word that word begins with; rest is what
// follows it.
func (t *trie) walk(word []byte, found func(term int32, rest []byte)) {
	at := int32(0)
	for i, b := range word {
		if at = t.step(at, b); at < 0 {
			return
		}
		for _, term := range t.nodes[at].terms {
			found(term, word[i+1:])
		}
	}
}
