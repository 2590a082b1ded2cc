package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/tus/tusd/v2/pkg/filestore"
	tusd "github.com/tus/tusd/v2/pkg/handler"

	"github.com/candor-ugc/candor/api/content"
)

// store keeps what has arrived in DIR/SITE/ID, and what is known of it in
// DIR/SITE/ID.info. It is tusd's own store, with what it acknowledges flushed.
type store struct {
	files filestore.FileStore
	dir   string
}

// What is noted of an upload in tusd's metadata.
const (
	noteCreated  = "created"  // RFC 3339
	noteMetadata = "metadata" // Upload-Metadata, as it came
)

// upload is what is known of an upload.
type upload struct {
	key
	path         string
	size, offset int64 // bytes
	created      time.Time
	metadata     string
}

func (u upload) complete() bool { return u.offset == u.size }

func openStore(dir string) (store, error) {
	// Nobody but the service needs to read what strangers send.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return store{}, err
	}
	return store{filestore.New(dir), dir}, syncDir(dir)
}

// validID reports whether s is a UUID in its usual form, and nothing else: it
// becomes a file's name.
func validID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}

func (s store) path(k key) string { return filepath.Join(s.dir, k.site, k.id) }
func (k key) tusID() string       { return k.site + "/" + k.id }

// request travels in the context through tusd: what the store and the callback
// have to know of a request, and what the store has to say.
type request struct {
	key
	notes tusd.MetaData
	err   error
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// named tells tusd the id of a new upload, and what to note of it.
func named(event tusd.HookEvent) (tusd.HTTPResponse, tusd.FileInfoChanges, error) {
	r := requestOf(event.Context)
	if r == nil {
		return tusd.HTTPResponse{}, tusd.FileInfoChanges{}, errors.New("an upload without a request")
	}
	return tusd.HTTPResponse{}, tusd.FileInfoChanges{ID: r.tusID(), MetaData: r.notes}, nil
}

// NewUpload implements tusd's DataStore: it leaves an upload that survives the
// machine, or nothing.
func (s store) NewUpload(ctx context.Context, info tusd.FileInfo) (tusd.Upload, error) {
	r := requestOf(ctx)
	u, err := s.create(ctx, r.key, info)
	if err != nil {
		r.err = errors.Join(fmt.Errorf("create upload: %w", err), s.remove(r.key))
		return nil, r.err
	}
	return u, nil
}

func (s store) create(ctx context.Context, k key, info tusd.FileInfo) (tusd.Upload, error) {
	path := s.path(k)
	site := filepath.Dir(path)
	err := os.Mkdir(site, 0o700)
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	u, err := s.files.NewUpload(ctx, info)
	if err == nil {
		err = errors.Join(syncFile(path), syncFile(path+".info"), syncDir(site))
	}
	return flushed{u, path}, err
}

// GetUpload implements tusd's DataStore.
func (s store) GetUpload(ctx context.Context, id string) (tusd.Upload, error) {
	u, err := s.files.GetUpload(ctx, id)
	return flushed{u, filepath.Join(s.dir, id)}, err
}

// flushed is an upload whose pieces are on the disk when they are acknowledged.
type flushed struct {
	tusd.Upload
	path string
}

// WriteChunk implements tusd's Upload.
func (f flushed) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	// Opened before anything is written, the file tells of every error since.
	file, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return 0, note(ctx, err)
	}
	n, err := f.Upload.WriteChunk(ctx, offset, src)
	if lost := file.Sync(); lost != nil {
		// What could not be flushed has not arrived.
		n, err = 0, errors.Join(err, lost, file.Truncate(offset))
	}
	return n, note(ctx, errors.Join(err, file.Close()))
}

// note keeps an error that tusd would turn into text.
func note(ctx context.Context, err error) error {
	if r := requestOf(ctx); r != nil && err != nil {
		r.err = fmt.Errorf("write upload: %w", err)
	}
	return err
}

// load reads what is known of an upload: ErrNotFound.
func (s store) load(ctx context.Context, k key) (upload, error) {
	found, err := s.files.GetUpload(ctx, k.tusID())
	if errors.Is(err, tusd.ErrNotFound) {
		return upload{}, ErrNotFound
	}
	if err != nil {
		return upload{}, fmt.Errorf("load upload: %w", err)
	}
	info, err := found.GetInfo(ctx)
	if err != nil {
		return upload{}, fmt.Errorf("load upload: %w", err)
	}
	created, err := time.Parse(time.RFC3339Nano, info.MetaData[noteCreated])
	// tusd believes the path that it noted, which a folder that was moved makes
	// wrong.
	if path := s.path(k); err != nil || info.Storage["Path"] != path || info.Size <= 0 || info.Offset > info.Size {
		return upload{}, fmt.Errorf("load upload: the notes of %s do not fit", k.id)
	}
	return upload{k, s.path(k), info.Size, info.Offset, created, info.MetaData[noteMetadata]}, nil
}

// remove removes the files of an upload, if there are any.
func (s store) remove(k key) error {
	var errs error
	for _, name := range []string{s.path(k), s.path(k) + ".info"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	if errs != nil {
		return fmt.Errorf("remove upload: %w", errs)
	}
	return nil
}

// list gives the uploads of which there is any file.
func (s store) list() ([]key, error) {
	sites, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	var out []key
	for _, site := range sites {
		if !site.IsDir() || !content.ValidSite(site.Name()) {
			continue
		}
		files, err := os.ReadDir(filepath.Join(s.dir, site.Name()))
		if err != nil {
			return nil, fmt.Errorf("list uploads: %w", err)
		}
		for _, f := range files {
			id := strings.TrimSuffix(f.Name(), ".info")
			// ID sorts right before ID.info.
			if k := (key{site.Name(), id}); validID(id) && (len(out) == 0 || out[len(out)-1] != k) {
				out = append(out, k)
			}
		}
	}
	return out, nil
}

// born is when an upload began, also where its notes are damaged.
func (s store) born(ctx context.Context, k key) time.Time {
	if u, err := s.load(ctx, k); err == nil {
		return u.created
	}
	var last time.Time
	for _, name := range []string{s.path(k), s.path(k) + ".info"} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// isFull reports whether an error says that there is no room.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// syncFile flushes the content of a file.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDir flushes the entries of a folder.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
