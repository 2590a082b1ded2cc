package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/ledger/mongo"
	"github.com/candor-ugc/candor/media/blob"
)

// openMediaStore opens the store of photos and videos that a specification
// names: folder:DIR, gridfs, which is the database of the ledger, or
// s3://BUCKET/PREFIX; the folder media of the data folder when it is empty.
// Sweep removes what crashed writers left behind before a time, where somebody
// has to, and says how many files that were; stop closes the store. What is
// wrongly specified is an errUsage, which never repeats the specification: keys
// may have strayed into it.
func openMediaStore(ctx context.Context, spec string, data dataFlags) (
	store blob.Store, sweep func(context.Context, time.Time) (int, error), stop func() error, err error,
) {
	if spec == "" {
		spec = "folder:" + filepath.Join(data.Data, "media")
	}
	nothing := func(context.Context, time.Time) (int, error) { return 0, nil }
	dir, isFolder := strings.CutPrefix(spec, "folder:")
	switch {
	case isFolder && dir != "":
		folder, err := blob.OpenLocal(dir)
		if err != nil {
			return nil, nil, nil, err
		}
		return folder, folder.Sweep, func() error { return nil }, nil
	case spec == "gridfs":
		if !isMongo(data.Ledger) {
			return nil, nil, nil, usagef("--media gridfs keeps media in the ledger's database, so it needs --ledger mongodb://…")
		}
		files, err := mongo.OpenFiles(ctx, data.Ledger, mongo.Options{})
		if err != nil {
			return nil, nil, nil, err
		}
		return blob.NewDatabase(files), nothing, files.Close, nil
	case strings.HasPrefix(spec, "s3://"):
		o, err := parseS3(spec)
		if err != nil {
			return nil, nil, nil, err
		}
		bucket, err := blob.OpenS3(ctx, o)
		if err != nil {
			return nil, nil, nil, err
		}
		return bucket, nothing, bucket.Close, nil
	}
	return nil, nil, nil, usagef("--media must be folder:DIR, gridfs or %s", s3Form)
}

func isMongo(ledger string) bool {
	return strings.HasPrefix(ledger, "mongodb://") || strings.HasPrefix(ledger, "mongodb+srv://")
}

// s3Form is how a bucket is specified.
const s3Form = "s3://BUCKET/PREFIX?region=…&endpoint=https://…&path_style=true, all but the bucket optional"

// parseS3 reads where a bucket is. Its keys come from the environment, the
// credentials file or the machine's role, never from here.
func parseS3(spec string) (blob.S3Options, error) {
	wrong := func(what string) (blob.S3Options, error) {
		return blob.S3Options{}, usagef("--media %s; it must be %s", what, s3Form)
	}
	u, err := url.Parse(spec)
	if err != nil {
		return wrong("is no address")
	}
	query, err := url.ParseQuery(u.RawQuery)
	switch {
	case err != nil:
		return wrong("has a query that cannot be read")
	case u.User != nil:
		return wrong("holds keys, which belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.Hostname() == "":
		return wrong("names no bucket")
	case u.Port() != "" || u.Hostname() != u.Host:
		return wrong("has a server in the place of the bucket")
	case u.Fragment != "":
		return wrong("has a # in it")
	}
	o := blob.S3Options{Bucket: u.Host}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		o.Prefix = prefix + "/"
	}
	for key, values := range query {
		value := values[len(values)-1]
		switch key {
		case "region":
			o.Region = value
		case "endpoint":
			if !isEndpoint(value) {
				return wrong("has an endpoint that is not http://HOST or https://HOST")
			}
			o.Endpoint = value
		case "path_style":
			if o.PathStyle, err = strconv.ParseBool(value); err != nil {
				return wrong("has a path_style that is neither true nor false")
			}
		default:
			return wrong("has an unknown setting")
		}
	}
	return o, nil
}

func isEndpoint(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.RawQuery == ""
}

// removeLeftovers removes what was being received, and the folders in which
// videos were worked on, when the service was killed. Nothing may be at work in the folder; it need not exist.
func removeLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove leftovers: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "candor-video-") && !strings.HasPrefix(e.Name(), "candor-upload-") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove leftovers: %w", err)
		}
	}
	return nil
}
