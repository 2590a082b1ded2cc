package shelf

// Recount measures every loaded row from scratch, as Stats counts them.
func (s *Shelf) Recount() (n int64, cards int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.used.Front(); e != nil; e = e.Next() {
		r := e.Value.(*row)
		r.mu.RLock()
		n += rowBytes
		for _, c := range r.cards {
			n += c.bytes()
		}
		for _, g := range r.kinds {
			n += g.bytes()
		}
		for _, g := range r.replies {
			n += g.bytes()
		}
		for l, p := range r.cache.pages {
			n += l.bytes() + p.bytes()
		}
		cards += len(r.cards)
		r.mu.RUnlock()
	}
	return n, cards
}

// RecodeCursor decodes a cursor of the query and encodes what it found.
func RecodeCursor(q Query, cursor string) (string, error) {
	l, err := q.canonical()
	if err != nil {
		return "", err
	}
	k := key{q.Site, q.Subject}
	p, err := l.decodeCursor(k, cursor)
	if err != nil {
		return "", err
	}
	return l.encodeCursor(k, p), nil
}

// MakeCursor is the cursor of the query at any position.
func MakeCursor(q Query, rank float64, at int64, id string) string {
	l, _ := q.canonical()
	return l.encodeCursor(key{q.Site, q.Subject}, position{rank, at, id})
}

// RowBytes is what an empty row counts for.
const RowBytes = rowBytes
