package api

import (
	"io/fs"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

// docsPage shows the contract. Its script is a file of its own, so that no
// script needs to run from the page.
const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Candor API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<main id="contract"><noscript>This page needs JavaScript. The contract itself is at <a href="/openapi.yaml">/openapi.yaml</a>.</noscript></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</body>
</html>
`

const docsScript = `SwaggerUIBundle({
  url: "/openapi.yaml", dom_id: "#contract", deepLinking: true, docExpansion: "list",
  defaultModelsExpandDepth: 0, tryItOutEnabled: true, validatorUrl: null,
});
`

// docsPolicy lets the page load its own files and nothing else. The viewer sets
// style attributes, which need 'unsafe-inline' for styles.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docs adds the page that shows the contract.
func (a *API) docs() {
	page := func(contentType, body string) gin.HandlerFunc {
		return func(c *gin.Context) {
			c.Header("Content-Security-Policy", docsPolicy)
			c.Header("Referrer-Policy", "no-referrer")
			c.Header("Cache-Control", "public, no-cache")
			c.Data(http.StatusOK, contentType, []byte(body))
		}
	}
	a.get("/docs", page("text/html; charset=utf-8", docsPage))
	a.get("/docs/init.js", page("text/javascript; charset=utf-8", docsScript))
	assets := http.StripPrefix("/docs/assets", statigz.FileServer(static.FS))
	a.get("/docs/assets/*file", func(c *gin.Context) {
		if _, err := fs.Stat(static.FS, c.Param("file")[1:]+".gz"); err != nil {
			a.fail(errRoute)(c)
			return
		}
		c.Header("Cache-Control", "public, max-age=86400")
		assets.ServeHTTP(c.Writer, c.Request)
	})
}
