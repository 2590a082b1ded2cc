// Package candor holds the contract of Candor's API, so that the binary carries
// the same openapi.yaml that clients read.
package candor

import _ "embed"

// Contract is openapi.yaml.
//
//go:embed openapi.yaml
var Contract []byte
