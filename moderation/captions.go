package moderation

import "strings"

// words are those that were written to a picture, "" for none. Findings in them
// name the picture, and no place within title or body.
type words struct{ picture, called string }

func (w words) of(sig Signal) Signal {
	if w.picture == "" {
		return sig
	}
	sig.Media, sig.Field, sig.Start, sig.End = w.picture, "", 0, 0
	sig.Cause = strings.TrimSuffix(sig.Cause, ".") + ", in the " + w.called + "."
	return sig
}

// captionSignals looks for listed words and ways to get in touch in what is
// written to pictures.
func (r *run) captionSignals() error {
	defer func() { r.about = words{} }()
	languages := r.listsFor()
	for _, p := range r.sub.Pictures {
		for _, t := range []struct{ called, text string }{
			{"caption of a " + pictureKind(p), p.Caption}, {"alternative text of a " + pictureKind(p), p.Alt},
		} {
			if t.text == "" {
				continue
			}
			r.about = words{picture: p.ID, called: t.called}
			r.beside.Reset(cut(t.text), r.sub.Language)
			hits := r.matcher.Find(&r.beside, languages...)
			for i := range hits {
				r.wordSignal("", &r.beside, &hits[i])
			}
			r.contactIn("", &r.beside)
		}
	}
	return nil
}
