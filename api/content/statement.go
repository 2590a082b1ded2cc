package content

import "time"

// Statement says to an author why a content is kept from the public, and what
// they can do about it (DSA article 17).
type Statement struct {
	// Restriction is not_published, changes_requested or removed; of one photo or
	// video withheld.
	Restriction string            `json:"restriction"`
	Reasons     []StatementReason `json:"reasons"`
	// Ground is terms or illegal: what the decision rests on.
	Ground string `json:"ground"`
	// Automated is whether no person took the decision; Detected is whether the
	// machine pointed the text out.
	Automated bool   `json:"automated"`
	Detected  bool   `json:"detected_by_machine"`
	Message   string `json:"message,omitempty"`
	// Explanation says all of this in sentences, in Language.
	Explanation []string  `json:"explanation"`
	Language    string    `json:"language"`
	DecidedAt   time.Time `json:"decided_at"`
	// MayEdit is whether a changed text would be looked at again, AppealUntil
	// until when a complaint is heard.
	MayEdit     bool       `json:"may_edit"`
	AppealUntil *time.Time `json:"appeal_until,omitempty"`
	// Appeal is open, granted or dismissed where there was a complaint.
	Appeal string `json:"appeal,omitempty"`
}

// StatementReason is one published reason in the author's language.
type StatementReason struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"`
}
