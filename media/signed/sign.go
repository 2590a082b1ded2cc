// Package signed makes and checks the signatures of URLs that give access to media
// for a while: to those of a content that is not public yet, for its author and
// for moderators. It knows neither URLs nor media.
package signed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// MinKey is the least length of a signing key, in bytes.
const MinKey = 32

var (
	// ErrKey means that a signing key is shorter than MinKey.
	ErrKey = errors.New("signing key too short")
	// ErrSignature means that a signature was not made for what it is shown with.
	ErrSignature = errors.New("invalid signature")
	// ErrExpired means that a signature was right and its time is over.
	ErrExpired = errors.New("signature expired")
)

// Sign makes the signature of a URL that gives access to one variant of one
// medium until a time: HMAC-SHA256 in unpadded base64url, 43 characters. The
// time counts in whole seconds. Error: ErrKey.
func Sign(key []byte, name, variant string, expires time.Time) (string, error) {
	if len(key) < MinKey {
		return "", ErrKey
	}
	return base64.RawURLEncoding.EncodeToString(mac(key, name, variant, expires)), nil
}

// Verify checks what Sign made, in constant time. Errors: ErrKey, ErrSignature,
// ErrExpired; the last only for a signature that is right.
func Verify(key []byte, name, variant string, expires, now time.Time, signature string) error {
	if len(key) < MinKey {
		return ErrKey
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if !hmac.Equal(given, mac(key, name, variant, expires)) {
		return ErrSignature
	}
	if now.Unix() >= expires.Unix() {
		return ErrExpired
	}
	return nil
}

// mac binds every field with its length, so that moving a character from one to
// the next is another message. The first words keep the key's other uses apart.
func mac(key []byte, name, variant string, expires time.Time) []byte {
	h := hmac.New(sha256.New, key)
	var b []byte
	for _, field := range []string{"candor media url 1", name, variant} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(expires.Unix()))
	h.Write(b)
	return h.Sum(nil)
}
