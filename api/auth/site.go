package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"golang.org/x/time/rate"

	"github.com/candor-ugc/candor/api/content"
)

// MinSecret is the least length of a site's secret in bytes, that of the
// SHA-256 it keys (RFC 7518, section 3.2).
const MinSecret = 32

// Errors of the sites, compared with errors.Is.
var (
	// ErrNoSite: no site has this name.
	ErrNoSite = errors.New("no such site")
	// ErrSiteExists: the name is taken.
	ErrSiteExists = errors.New("site exists already")
	// ErrWeakSecret: the secret is shorter than MinSecret.
	ErrWeakSecret = errors.New("secret too short")
)

// Site is a tenant and its keys, as kept in one file of its own.
type Site struct {
	Name string `json:"name"`
	// Secret signs tokens with HS256; at least MinSecret bytes, or empty where
	// only the JWKS is trusted.
	Secret string `json:"secret,omitempty"`
	// HandleKey keys the pseudonyms of the site's people. Changing it gives
	// everybody a new one.
	HandleKey string `json:"handle_key"`
	// Issuer is the iss that tokens must carry; empty accepts any that the
	// secret signed. It is needed with a JWKS.
	Issuer string `json:"issuer,omitempty"`
	// JWKSURL or JWKSFile give the public keys (RS256, ES256, EdDSA).
	JWKSURL  string `json:"jwks_url,omitempty"`
	JWKSFile string `json:"jwks_file,omitempty"`

	keys keyfunc.Keyfunc
	// keysAt is when the JWKS file was written that the keys were read from.
	keysAt time.Time
}

// validate refuses what could not protect a site.
func (s *Site) validate() error {
	switch {
	case !content.ValidSite(s.Name):
		return fmt.Errorf("site name %q: must be lower-case letters, digits and hyphens", s.Name)
	case s.Secret == "" && s.JWKSURL == "" && s.JWKSFile == "":
		return fmt.Errorf("site %s has neither a secret nor a JWKS: %w", s.Name, ErrWeakSecret)
	case s.Secret != "" && len(s.Secret) < MinSecret:
		return fmt.Errorf("site %s: the secret has %d bytes, needs %d: %w", s.Name, len(s.Secret), MinSecret, ErrWeakSecret)
	case len(s.HandleKey) < MinSecret:
		return fmt.Errorf("site %s: handle_key has %d bytes, needs %d: %w", s.Name, len(s.HandleKey), MinSecret, ErrWeakSecret)
	case (s.JWKSURL != "" || s.JWKSFile != "") && s.Issuer == "":
		return fmt.Errorf("site %s: a JWKS needs an issuer", s.Name)
	}
	if s.JWKSURL == "" {
		return nil
	}
	u, err := url.Parse(s.JWKSURL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("site %s: jwks_url is no address", s.Name)
	}
	if u.Scheme != "https" && !loopback(u.Hostname()) {
		return fmt.Errorf("site %s: jwks_url must be https", s.Name)
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Handle is the pseudonym of a person on the site: 20 characters that strangers
// cannot turn back, the same for the same person.
func (s *Site) Handle(person string) string {
	mac := hmac.New(sha256.New, []byte(s.HandleKey))
	mac.Write([]byte(person))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)))[:20]
}

// MediaKey signs the site's private addresses of photos and videos. It is made
// of the key of the pseudonyms, which every site has.
func (s *Site) MediaKey() []byte {
	mac := hmac.New(sha256.New, []byte(s.HandleKey))
	mac.Write([]byte("candor media addresses"))
	return mac.Sum(nil)
}

// Sites are the sites whose files lie in one folder. A site that is added while
// the service runs is found when it is first asked for.
type Sites struct {
	dir string
	now func() time.Time

	mu    sync.Mutex
	known map[string]*entry
}

type entry struct {
	site    *Site
	err     error
	checked time.Time
	changed time.Time
	stop    context.CancelFunc
}

// recheck is how long a site's file is trusted without looking at it again.
const recheck = time.Second

// NewSites are the sites of a folder, read when they are asked for.
func NewSites(dir string, now func() time.Time) *Sites {
	return &Sites{dir: dir, now: now, known: map[string]*entry{}}
}

// OpenSites reads every site of a folder, which need not exist yet. A site that
// could not be protected is an error: the service must not start with it.
func OpenSites(dir string, now func() time.Time) (*Sites, error) {
	s := NewSites(dir, now)
	names, err := s.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := s.Get(name); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Names lists the sites in the folder in order.
func (s *Sites) Names() ([]string, error) {
	files, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read sites: %w", err)
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".json"); ok && content.ValidSite(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names) // as files they stand in another order
	return names, nil
}

func (s *Sites) path(name string) string { return filepath.Join(s.dir, name+".json") }

// maxUnknown bounds the names remembered as unknown: strangers choose them.
const maxUnknown = 1000

// Get gives a site: ErrNoSite.
func (s *Sites) Get(name string) (*Site, error) {
	if !content.ValidSite(name) {
		return nil, ErrNoSite
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e := s.known[name]
	if e != nil && now.Sub(e.checked) < recheck {
		return e.site, e.err
	}
	info, err := os.Stat(s.path(name))
	if e != nil && e.err == nil && err == nil && info.ModTime().Equal(e.changed) && e.site.keysAt.Equal(writtenAt(e.site.JWKSFile)) {
		e.checked = now
		return e.site, nil
	}
	if e == nil && err != nil && len(s.known) > maxUnknown {
		return nil, ErrNoSite
	}
	next := &entry{checked: now}
	if err == nil {
		next.changed = info.ModTime()
	}
	next.site, next.stop, next.err = s.load(name)
	if e != nil && e.stop != nil {
		e.stop()
	}
	s.known[name] = next
	return next.site, next.err
}

// writtenAt is when a file was written last; zero for none.
func writtenAt(path string) time.Time {
	if path == "" {
		return time.Time{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (s *Sites) load(name string) (*Site, context.CancelFunc, error) {
	b, err := os.ReadFile(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrNoSite
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read site: %w", err)
	}
	site := &Site{}
	if err := json.Unmarshal(b, site); err != nil {
		return nil, nil, fmt.Errorf("read site %s: %w", name, err)
	}
	if site.Name != name {
		return nil, nil, fmt.Errorf("site file %s.json names the site %q", name, site.Name)
	}
	if err := site.validate(); err != nil {
		return nil, nil, err
	}
	stop, err := site.loadKeys()
	return site, stop, err
}

const (
	// fetchTimeout bounds the fetching of keys: requests wait for it.
	fetchTimeout = 5 * time.Second
	// fetchAgain is how often tokens with a key that is not known may make the
	// keys be fetched again. Strangers can send such tokens.
	fetchAgain = 30 * time.Second
)

// loadKeys reads the public keys; keys at an address are fetched again as they
// change, until stop is called.
func (s *Site) loadKeys() (stop context.CancelFunc, err error) {
	switch {
	case s.JWKSFile != "":
		s.keysAt = writtenAt(s.JWKSFile) // before it is read: what is written since is noticed
		b, err := os.ReadFile(s.JWKSFile)
		if err != nil {
			return nil, fmt.Errorf("site %s: read JWKS: %w", s.Name, err)
		}
		if s.keys, err = keyfunc.NewJWKSetJSON(b); err != nil {
			return nil, fmt.Errorf("site %s: read JWKS: %w", s.Name, err)
		}
		return nil, nil
	case s.JWKSURL != "":
		ctx, cancel := context.WithCancel(context.Background())
		o := keyfunc.Override{
			HTTPTimeout: fetchTimeout, RateLimitWaitMax: fetchTimeout, RefreshUnknownKID: rate.NewLimiter(rate.Every(fetchAgain), 1),
		}
		if s.keys, err = keyfunc.NewDefaultOverrideCtx(ctx, []string{s.JWKSURL}, o); err != nil {
			cancel()
			return nil, fmt.Errorf("site %s: fetch JWKS: %w", s.Name, err)
		}
		return cancel, nil
	}
	return nil, nil
}

// Close ends the fetching of keys.
func (s *Sites) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.known {
		if e.stop != nil {
			e.stop()
		}
	}
	clear(s.known)
}

// Create makes a site with fresh keys and writes its file, durably and for its
// owner alone: ErrSiteExists.
func (s *Sites) Create(name string) (*Site, error) {
	site := &Site{Name: name, Secret: randomKey(), HandleKey: randomKey()}
	if err := site.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("create site: %w", err)
	}
	b, err := json.MarshalIndent(site, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("create site: %w", err)
	}
	if err := writeNew(s.path(name), append(b, '\n')); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("site %s: %w", name, ErrSiteExists)
		}
		return nil, fmt.Errorf("create site: %w", err)
	}
	s.mu.Lock()
	delete(s.known, name)
	s.mu.Unlock()
	return site, nil
}

func randomKey() string {
	b := make([]byte, 36)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// writeNew writes a file that must not exist, so that it is there whole or not
// at all.
func writeNew(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
