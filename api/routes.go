package api

import (
	"net/http"

	"github.com/candor-ugc/candor/api/content"
)

// route is one line of the contract.
type route struct {
	method, path string
	// role is the least role that may call it; empty lets everybody.
	role   content.Role
	handle func(*call) error
	// stream marks answers or bodies of any length, which have no overall
	// timeout.
	stream bool
	// piece marks routes that carry pieces of what was counted as a change when
	// it began; they have bounds of their own.
	piece bool
}

// routes is the whole API below a site. The operations' routes (health, metrics,
// contract) are in operations.go.
func routes() []route {
	const (
		get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
		patch, del     = http.MethodPatch, http.MethodDelete
		head           = http.MethodHead
		site           = "/v1/sites/:site"
	)
	table := []route{
		// Anyone.
		{method: get, path: "/products/:product/reviews", handle: listProduct(content.Review)},
		{method: get, path: "/products/:product/questions", handle: listProduct(content.Question)},
		{method: get, path: "/products/:product/summary", handle: getSummary},
		{method: get, path: "/products/:product", handle: getProduct},
		{method: get, path: "/products/:product/media", handle: listGallery},
		{method: get, path: "/media", handle: listGallery},
		{method: get, path: "/media/:medium/:variant", handle: getMediaFile, stream: true},
		{method: get, path: "/products/:product/suggest", handle: getSuggestions},
		{method: get, path: "/products/:product/highlights", handle: getStandouts},
		{method: get, path: "/summaries", handle: getSummaries},
		{method: get, path: "/boards", handle: listBoards},
		{method: get, path: "/boards/:board", handle: getBoard},
		{method: get, path: "/boards/:board/topics", handle: listTopics},
		{method: get, path: "/contents/:id", handle: getContent},
		{method: get, path: "/contents/:id/replies", handle: listReplies},
		{method: get, path: "/search", handle: getSearch},
		{method: get, path: "/reasons", handle: getReasons},
		{method: post, path: "/contents/:id/notices", handle: postNotice},
		{method: get, path: "/notices/:notice", handle: getNotice},

		// Shoppers.
		{method: post, path: "/products/:product/reviews", role: content.Shopper, handle: submitTo(content.Review)},
		{method: post, path: "/products/:product/questions", role: content.Shopper, handle: submitTo(content.Question)},
		{method: post, path: "/boards/:board/topics", role: content.Shopper, handle: submitTo(content.Topic)},
		{method: post, path: "/contents/:id/replies", role: content.Shopper, handle: submitReply},
		{method: patch, path: "/contents/:id", role: content.Shopper, handle: patchContent},
		{method: del, path: "/contents/:id", role: content.Shopper, handle: deleteContent},
		{method: put, path: "/contents/:id/accepted", role: content.Shopper, handle: putAccepted},
		{method: put, path: "/contents/:id/vote", role: content.Shopper, handle: putVote},
		{method: post, path: "/contents/:id/reports", role: content.Shopper, handle: postReport},
		{method: post, path: "/contents/:id/appeal", role: content.Shopper, handle: postAppeal},
		{method: post, path: "/media", role: content.Shopper, handle: postMedia, stream: true},
		{method: get, path: "/media/:medium", role: content.Shopper, handle: getMedium},
		{method: del, path: "/media/:medium", role: content.Shopper, handle: deleteMedium},
		{method: get, path: "/media/:medium/events", role: content.Shopper, handle: watchMedium, stream: true},
		{method: post, path: "/uploads", role: content.Shopper, handle: resume, stream: true},
		{method: post, path: "/uploads/:id", role: content.Shopper, handle: resume, stream: true},
		{method: head, path: "/uploads/:id", role: content.Shopper, handle: resume, stream: true},
		{method: patch, path: "/uploads/:id", role: content.Shopper, handle: resume, stream: true, piece: true},
		{method: del, path: "/uploads/:id", role: content.Shopper, handle: resume, stream: true},
		{method: get, path: "/me/reports", role: content.Shopper, handle: listMyReports},
		{method: get, path: "/me/contents", role: content.Shopper, handle: listMine},
		{method: get, path: "/me/export", role: content.Shopper, handle: exportMine, stream: true},
		{method: del, path: "/me", role: content.Shopper, handle: deleteMe, stream: true},

		// Moderators.
		{method: get, path: "/moderation/queue", role: content.Moderator, handle: getQueue},
		{method: get, path: "/moderation/search", role: content.Moderator, handle: getDeskSearch},
		{method: get, path: "/moderation/items/:id", role: content.Moderator, handle: getCase},
		{method: post, path: "/moderation/items/:id/claim", role: content.Moderator, handle: postClaim},
		{method: del, path: "/moderation/items/:id/claim", role: content.Moderator, handle: deleteClaim},
		{method: post, path: "/moderation/items/:id/decision", role: content.Moderator, handle: postDecision},
		{method: post, path: "/moderation/items/:id/undo", role: content.Moderator, handle: postUndo},
		{method: post, path: "/moderation/items/:id/escalation", role: content.Moderator, handle: postPass},
		{method: put, path: "/moderation/items/:id/media/:medium", role: content.Moderator, handle: putWithheld},
		{method: post, path: "/moderation/items/:id/notes", role: content.Moderator, handle: postNote},
		{method: post, path: "/moderation/decisions", role: content.Moderator, handle: postDecisions},
		{method: post, path: "/moderation/decisions/undo", role: content.Moderator, handle: postUndoAll},
		{method: get, path: "/moderation/authors/:author", role: content.Moderator, handle: getAuthor},
		{method: get, path: "/moderation/audit", role: content.Moderator, handle: getAudit},
		{method: get, path: "/moderation/audit/export", role: content.Moderator, handle: exportAudit, stream: true},
		{method: get, path: "/moderation/stats", role: content.Moderator, handle: getStats},
		{method: get, path: "/moderation/figures", role: content.Moderator, handle: getFigures},
		{method: get, path: "/moderation/rules", role: content.Moderator, handle: listRules},
		{method: post, path: "/moderation/rules", role: content.Admin, handle: postRule},
		{method: post, path: "/moderation/rules/backtest", role: content.Moderator, handle: postBacktest},
		{method: put, path: "/moderation/rules/:rule", role: content.Admin, handle: putRule},
		{method: del, path: "/moderation/rules/:rule", role: content.Admin, handle: deleteRule},
		{method: get, path: "/moderation/policies", role: content.Moderator, handle: getPolicies},
		{method: put, path: "/moderation/policies", role: content.Admin, handle: putPolicies},

		// Administrators.
		{method: get, path: "/products", role: content.Admin, handle: listProducts},
		{method: put, path: "/products/:product", role: content.Admin, handle: putProduct},
		{method: put, path: "/boards/:board", role: content.Admin, handle: putBoard},
		{method: get, path: "/settings", role: content.Admin, handle: getSettings},
		{method: put, path: "/settings", role: content.Admin, handle: putSettings},
		{method: post, path: "/import", role: content.Admin, handle: postImport, stream: true},
	}
	for i := range table {
		table[i].path = site + table[i].path
	}
	return table
}
