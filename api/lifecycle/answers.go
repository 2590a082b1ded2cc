package lifecycle

import "github.com/candor-ugc/candor/api/ledger"

// The ledger's types that answers of the verbs hold, under names of this room:
// who asks the verbs need not know the ledger.
type (
	// Event is one committed change of a content.
	Event = ledger.Event
	// Note is what moderators tell each other about a content.
	Note = ledger.Note
)
