package signed_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/media/signed"
)

func TestSign(t *testing.T) {
	t.Parallel()
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	expires := time.Unix(1_700_000_000, 0)
	before := expires.Add(-time.Second)
	signature, err := signed.Sign(key, "medium", "large", expires)
	if err != nil || len(signature) != 43 || strings.ContainsAny(signature, "+/=") {
		t.Fatalf("%q, %v", signature, err)
	}
	for name, c := range map[string]struct {
		key           []byte
		name, variant string
		expires, now  time.Time
		signature     string
		want          error
	}{
		"right":              {key, "medium", "large", expires, before, signature, nil},
		"another time zone":  {key, "medium", "large", expires.UTC(), before, signature, nil},
		"expired":            {key, "medium", "large", expires, expires, signature, signed.ErrExpired},
		"longer":             {key, "medium", "large", expires.Add(time.Hour), before, signature, signed.ErrSignature},
		"another name":       {key, "medium2", "large", expires, before, signature, signed.ErrSignature},
		"another variant":    {key, "medium", "full", expires, before, signature, signed.ErrSignature},
		"moved letter":       {key, "mediuml", "arge", expires, before, signature, signed.ErrSignature},
		"another key":        {other, "medium", "large", expires, before, signature, signed.ErrSignature},
		"empty":              {key, "medium", "large", expires, before, "", signed.ErrSignature},
		"cut":                {key, "medium", "large", expires, before, signature[:42], signed.ErrSignature},
		"no base64":          {key, "medium", "large", expires, before, "!" + signature[1:], signed.ErrSignature},
		"with padding":       {key, "medium", "large", expires, before, signature + "=", signed.ErrSignature},
		"short key":          {key[:31], "medium", "large", expires, before, signature, signed.ErrKey},
		"wrong and too late": {key, "medium", "full", expires, expires, signature, signed.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := signed.Verify(c.key, c.name, c.variant, c.expires, c.now, c.signature); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := signed.Sign(key[:31], "medium", "large", expires); !errors.Is(err, signed.ErrKey) {
		t.Errorf("got %v", err)
	}
}
