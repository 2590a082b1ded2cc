package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/bolt"
	"github.com/candor-ugc/candor/api/ledger/mongo"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
	"github.com/candor-ugc/candor/search/language"
)

// dataFlags say where everything is kept.
type dataFlags struct {
	Data   string `default:"candor-data" type:"path" help:"Folder that holds sites, ledger and indexes; made when missing."`
	Ledger string `default:"" placeholder:"bolt:FILE|mongodb://…" help:"Where contents are kept; by default a file in the data folder."`
	Media  string `default:"" placeholder:"folder:DIR|gridfs|s3://…" help:"Where photos and videos are kept: a folder, by default media in the data folder; gridfs, the ledger's MongoDB; or s3://BUCKET/PREFIX?region=…&endpoint=…&path_style=true with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
}

func (d dataFlags) sitesDir() string { return filepath.Join(d.Data, "sites") }
func (d dataFlags) indexDir() string { return filepath.Join(d.Data, "index") }
func (d dataFlags) tempDir() string  { return filepath.Join(d.Data, "tmp") }

func (d dataFlags) ledgerSpec() string {
	if d.Ledger == "" {
		return "bolt:" + filepath.Join(d.Data, "ledger.db")
	}
	return d.Ledger
}

// openLedger opens the ledger that a specification names.
func openLedger(ctx context.Context, spec string) (ledger.Store, error) {
	if file, ok := strings.CutPrefix(spec, "bolt:"); ok && file != "" {
		return opened(bolt.Open(file))
	}
	if isMongo(spec) {
		return opened(mongo.Open(ctx, spec, mongo.Options{}))
	}
	return nil, usagef("--ledger must be bolt:FILE or mongodb://…, not %.40q", spec)
}

// opened keeps an engine that could not be opened from looking like one: a nil
// pointer in an interface is not nil.
func opened[S ledger.Store](store S, err error) (ledger.Store, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}

// node is a running service with everything it is made of.
type node struct {
	store        ledger.Store
	sites        *auth.Sites
	svc          *lifecycle.Service
	public, desk *search.Index
	gallery      *gallery
	log          *slog.Logger
}

// nodeOptions are what differs between the commands that run a service.
type nodeOptions struct {
	data       dataFlags
	shelfBytes int64
	sites      *auth.Sites
	log        *slog.Logger
	// progress is told what is being prepared.
	progress func(what string, n int)
	// tell is told what moderators at work should see; it may be nil.
	tell func(content.Happening)
	// startModel is the file of the text model that sites begin with, or "".
	startModel string
	media      mediaFlags
	// resting nodes leave what is to be done with media to the service.
	resting bool
	// rebuild builds both indexes anew.
	rebuild bool
	// rebuilt is told of an index that was there once but could not be used; nil
	// tells nobody.
	rebuilt func(index search.Kind, because error)
}

// openNode opens the ledger, brings the indexes in step with it, and starts the
// service.
func openNode(ctx context.Context, o nodeOptions) (n *node, err error) {
	n = &node{log: o.log, sites: o.sites}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
			n = nil
		}
	}()
	if n.store, err = openLedger(ctx, o.data.ledgerSpec()); err != nil {
		return n, err
	}
	start, err := startModel(o.startModel)
	if err != nil {
		return n, err
	}
	models, ruleSets, precision := moderation.NewModels(start), moderation.NewRuleSets(), moderation.NewPrecision()
	if n.gallery, err = openGallery(ctx, o, n.mediaKey); err != nil {
		return n, err
	}
	screener, err := moderation.NewScreener(moderation.Options{
		Lookalikes: n.gallery.config.Known,
		Clock:      time.Now, Classifier: models, Rules: ruleSets, Evidence: precision, Random: rand.Float64,
		Policy: func(site, kind string) moderation.Policy { return n.svc.Policy(site, kind) },
	})
	if err != nil {
		return n, fmt.Errorf("prepare screening: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return n, fmt.Errorf("name this node: %w", err)
	}
	detector := language.Load()
	n.svc = lifecycle.New(lifecycle.Config{
		Ledger: ledger.New(n.store), Screener: screener, Models: models, Rules: ruleSets, Precision: precision,
		Sites: n.sites.Names, Tell: o.tell, Detect: detector.Detect, Handle: n.handle,
		Now: time.Now, NewID: newID, ShelfBytes: o.shelfBytes, Log: o.log,
		Node:     fmt.Sprintf("%s/%d/%s", host, os.Getpid(), newID()),
		Followed: func(up time.Time) { n.followed(o.data, up) }, Media: n.gallery.config,
	})
	if err := n.openIndexes(ctx, o); err != nil {
		return n, err
	}
	// The indexes let in one process alone: what lies there is nobody's.
	if err := removeLeftovers(o.data.tempDir()); err != nil {
		return n, err
	}
	err = n.svc.Start(ctx, func(count int) { o.progress("waiting contents loaded", count) })
	if err != nil {
		return n, fmt.Errorf("start: %w", err)
	}
	return n, nil
}

// newID makes a time-ordered id.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The random source of the system failed; nothing is safe then.
		panic(fmt.Sprintf("make an id: %v", err))
	}
	return id.String()
}

func (n *node) handle(site, person string) string {
	s, err := n.sites.Get(site)
	if err != nil {
		// A site that is gone has nobody who could ask.
		return ""
	}
	return s.Handle(person)
}

// mediaKey signs a site's private addresses of media.
func (n *node) mediaKey(site string) []byte {
	s, err := n.sites.Get(site)
	if err != nil {
		return nil
	}
	return s.MediaKey()
}

// close stops the service, then closes what it used.
func (n *node) close() error {
	var errs []error
	if n.svc != nil {
		errs = append(errs, n.svc.Close())
	}
	errs = append(errs, n.gallery.close())
	for _, x := range []*search.Index{n.public, n.desk} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}

// identityFile names the ledger that the indexes were made from.
const (
	identityFile = "ledger-id"
	followedFile = "followed"
)

// openIndexes opens both indexes. One that is missing, corrupt, outdated or of
// another ledger is built anew.
func (n *node) openIndexes(ctx context.Context, o nodeOptions) error {
	dir := o.data.indexDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("open indexes: %w", err)
	}
	id, err := n.identity(ctx)
	if err != nil {
		return err
	}
	known, err := os.ReadFile(filepath.Join(dir, identityFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open indexes: %w", err)
	}
	began := time.Now()
	rebuild := o.rebuild || string(known) != id
	since, followed := n.lastFollowed(dir)
	if n.store.Shared() && !followed {
		rebuild = true
	}
	n.public, err = n.openIndex(ctx, filepath.Join(dir, "public"), search.Public, rebuild, o)
	if err != nil {
		return err
	}
	n.svc.Public = n.public
	n.desk, err = n.openIndex(ctx, filepath.Join(dir, "desk"), search.Desk, rebuild, o)
	if err != nil {
		return err
	}
	n.svc.Desk = n.desk
	// The mark goes to the ledger first: a crash between the two costs a rebuild.
	if id, err = markOpened(ctx, n.store); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, identityFile), []byte(id), 0o600); err != nil {
		return fmt.Errorf("open indexes: %w", err)
	}
	if !n.store.Shared() {
		return nil
	}
	if rebuild {
		since = began
	}
	n.svc.CatchUpLater(since)
	return nil
}

func (n *node) openIndex(ctx context.Context, path string, kind search.Kind, rebuild bool, o nodeOptions) (*search.Index, error) {
	options := search.Options{Now: time.Now, Synonyms: n.svc.Synonyms}
	if !rebuild {
		x, err := search.Open(path, kind, options)
		stale := errors.Is(err, search.ErrMissing) || errors.Is(err, search.ErrCorrupt) || errors.Is(err, search.ErrOutdated)
		if err == nil {
			return x, nil
		}
		if !stale {
			return nil, fmt.Errorf("open %s index: %w", kind, err)
		}
		n.log.Info("building the index anew", "index", kind, "because", err)
		if o.rebuilt != nil {
			o.rebuilt(kind, err)
		}
	}
	docs := n.svc.PublicDocuments(ctx)
	if kind == search.Desk {
		docs = n.svc.DeskDocuments(ctx)
	}
	x, err := search.Rebuild(ctx, path, kind, options, docs, func(count int) {
		o.progress("contents in the "+string(kind)+" index", count)
	})
	if err != nil {
		return nil, fmt.Errorf("build %s index: %w", kind, err)
	}
	return x, nil
}

// reindex builds both indexes anew while they serve.
func (n *node) reindex(ctx context.Context) {
	for _, x := range []struct {
		kind  search.Kind
		index *search.Index
		docs  iter.Seq2[search.Document, error]
	}{
		{search.Public, n.public, n.svc.PublicDocuments(ctx)},
		{search.Desk, n.desk, n.svc.DeskDocuments(ctx)},
	} {
		began := time.Now()
		n.log.Info("building the index anew", "index", x.kind)
		if err := x.index.Rebuild(ctx, x.docs, nil); err != nil {
			n.log.Error("index not built anew; the old one serves", "index", x.kind, "err", err)
			continue
		}
		n.log.Info("index built anew", "index", x.kind, "took", time.Since(began).Round(time.Millisecond))
	}
}

// identity reads the name that the ledger has given itself, or gives it one. It
// holds when the ledger was last opened by a process that kept its indexes.
func (n *node) identity(ctx context.Context) (string, error) {
	t := ledger.New(n.store).Identity
	for {
		v, err := t.Get(ctx, ledgerName)
		if err == nil {
			return v.UUID + " " + v.Opened, nil
		}
		if !errors.Is(err, ledger.ErrNotFound) {
			return "", fmt.Errorf("read the ledger's identity: %w", err)
		}
		err = t.Insert(ctx, &ledger.Identity{ID: ledgerName, UUID: newID(), Rev: 1})
		if err != nil && !errors.Is(err, ledger.ErrExists) {
			return "", fmt.Errorf("name the ledger: %w", err)
		}
	}
}

// ledgerName is the id of the document that names a ledger.
const ledgerName = "ledger"

// markOpened gives a ledger of this process alone a new mark, so that neither an
// older copy of it nor indexes of another time pass for belonging together.
func markOpened(ctx context.Context, store ledger.Store) (string, error) {
	v, err := ledger.New(store).Identity.Modify(ctx, ledgerName, func(v *ledger.Identity, found bool) error {
		if !found {
			v.ID, v.UUID = ledgerName, newID()
		}
		if !store.Shared() {
			v.Opened = newID()
		}
		v.Rev++
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("mark the ledger as opened: %w", err)
	}
	return v.UUID + " " + v.Opened, nil
}

func (n *node) lastFollowed(dir string) (time.Time, bool) {
	b, err := os.ReadFile(filepath.Join(dir, followedFile))
	if err != nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	return t, err == nil
}

func (n *node) followed(d dataFlags, up time.Time) {
	err := os.WriteFile(filepath.Join(d.indexDir(), followedFile), []byte(up.UTC().Format(time.RFC3339Nano)), 0o600)
	if err != nil {
		n.log.Error("place among the other nodes not saved", "err", err)
	}
}

// openSites reads the sites of the data folder.
func openSites(d dataFlags) (*auth.Sites, error) {
	return auth.OpenSites(d.sitesDir(), time.Now)
}

// needData checks that a folder holds sites, before a command that looks after
// them would make an empty one.
func needData(d dataFlags) error {
	names, err := newSites(d).Names()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%s holds no site; name the folder of your data by --data", d.Data)
	}
	return nil
}

// needSite checks that a site exists before work for it begins.
func needSite(sites *auth.Sites, name string) error {
	if !content.ValidSite(name) {
		return usagef("--site must be lower-case letters, digits and hyphens")
	}
	_, err := sites.Get(name)
	if errors.Is(err, auth.ErrNoSite) {
		return fmt.Errorf("site %s does not exist; make it with: candor site create %s", name, name)
	}
	return err
}
