package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/candor-ugc/candor/media/blob"
)

// useMediaStore opens a store, keeps a file in it and closes it; another opening
// finds the file. It gives what sweeping removed.
func useMediaStore(t *testing.T, spec string, data dataFlags) (swept int) {
	t.Helper()
	name := blob.NameOf([]byte("content"), "jpg")
	for i := range 2 {
		store, sweep, stop, err := openMediaStore(t.Context(), spec, data)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := store.Put(t.Context(), name, strings.NewReader("content"), 7); err != nil {
				t.Error(err)
			}
		}
		if err := blob.Verify(t.Context(), store, name); err != nil {
			t.Error(err)
		}
		if swept, err = sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	return swept
}

func TestMediaStoreInFolder(t *testing.T) {
	t.Parallel()
	data := dataFlags{Data: filepath.Join(t.TempDir(), "data")}
	other := filepath.Join(t.TempDir(), "other")
	for spec, dir := range map[string]string{"": filepath.Join(data.Data, "media"), "folder:" + other: other} {
		if n := useMediaStore(t, spec, data); n != 0 {
			t.Errorf("%q: swept %d", spec, n)
		}
		name := blob.NameOf([]byte("content"), "jpg")
		if _, err := os.Stat(filepath.Join(dir, name[:2], name)); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "unfinished", "crashed"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, sweep, _, err := openMediaStore(t.Context(), spec, data)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := sweep(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
			t.Errorf("%q: swept %d, %v, want what a crash left", spec, n, err)
		}
	}
	// A file where the folder should be.
	if err := os.WriteFile(filepath.Join(data.Data, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, _, err := openMediaStore(t.Context(), "folder:"+filepath.Join(data.Data, "file"), data)
	if err == nil || errors.Is(err, errUsage) {
		t.Errorf("a file: %v", err)
	}
}

// mongoServer is the address of a database of the test's own on the server that
// .ci/with-mongo starts; continuous integration may not go without.
func mongoServer(t *testing.T) (uri string, db *driver.Database) {
	t.Helper()
	server := os.Getenv("CANDOR_TEST_MONGODB_URI")
	if server == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("CANDOR_TEST_MONGODB_URI is not set; .ci/with-mongo sets it")
		}
		t.Skip("no MongoDB server: run by .ci/with-mongo")
	}
	client, err := driver.Connect(options.Client().ApplyURI(server))
	if err != nil {
		t.Fatal(err)
	}
	db = client.Database("candor_test_" + strings.ToLower(rand.Text()))
	t.Cleanup(func() {
		if err := errors.Join(db.Drop(context.Background()), client.Disconnect(context.Background())); err != nil {
			t.Error(err)
		}
	})
	address, query, _ := strings.Cut(server, "?")
	scheme, hosts, _ := strings.Cut(address, "://")
	hosts, _, _ = strings.Cut(hosts, "/")
	return scheme + "://" + hosts + "/" + db.Name() + "?" + query, db
}

func TestMediaStoreInLedgersDatabase(t *testing.T) {
	t.Parallel()
	uri, db := mongoServer(t)
	if n := useMediaStore(t, "gridfs", dataFlags{Data: t.TempDir(), Ledger: uri}); n != 0 {
		t.Errorf("swept %d", n)
	}
	if n, err := db.Collection("media.files").CountDocuments(t.Context(), bson.D{}); n != 1 || err != nil {
		t.Errorf("the database has %d files, %v", n, err)
	}
}

// startS3 starts the S3 server that .ci/setup builds, with a bucket "candor",
// and gives its address and its folder. The keys go into the environment.
func startS3(t *testing.T) (address, buckets string) {
	t.Helper()
	path := filepath.Join(projectRoot(t), ".cache", "bin", "versitygw")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v; .ci/setup builds it", err)
		}
		t.Skip("no S3 server: run .ci/setup")
	}
	dir := t.TempDir()
	buckets = filepath.Join(dir, "buckets")
	for _, d := range []string{filepath.Join(buckets, "candor"), filepath.Join(dir, "sidecar")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test-access")
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3Secret)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "none"))
	cmd := exec.CommandContext(t.Context(), path, "--access", "test-access", "--secret", s3Secret, "-q", "--port", address,
		"posix", "--sidecar", filepath.Join(dir, "sidecar"), buckets)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return address, buckets
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the S3 server does not answer: ", err)
		}
	}
}

const s3Secret = "test-secret-of-some-length"

// TestMediaStoreInBucket is not parallel: the keys are in the environment.
func TestMediaStoreInBucket(t *testing.T) {
	address, buckets := startS3(t)
	query := "?region=us-east-1&path_style=true&endpoint=http://" + address
	data := dataFlags{Data: t.TempDir()}
	for spec, prefix := range map[string]string{"s3://candor": "", "s3://candor/": "", "s3://candor/shop/media": "shop/media", "s3://candor/a/": "a"} {
		if n := useMediaStore(t, spec+query, data); n != 0 {
			t.Errorf("%s: swept %d", spec, n)
		}
		if _, err := os.Stat(filepath.Join(buckets, "candor", prefix, blob.NameOf([]byte("content"), "jpg"))); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for name, spec := range map[string]string{"no such bucket": "s3://missing" + query, "wrong key": "s3://candor" + query} {
		if name == "wrong key" {
			t.Setenv("AWS_SECRET_ACCESS_KEY", "another-"+s3Secret)
		}
		_, _, _, err := openMediaStore(t.Context(), spec, data)
		if err == nil || errors.Is(err, errUsage) || strings.Contains(err.Error(), s3Secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMediaStoreUsage(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for _, c := range []struct{ spec, ledger, says string }{
		{"folder:", "", "folder:DIR"},
		{"/var/lib/media", "", "folder:DIR"},
		{"GridFS", "mongodb://127.0.0.1:1", "gridfs"},
		{"gridfs", "", "--ledger mongodb://"},
		{"gridfs", "bolt:ledger.db", "--ledger mongodb://"},
		{"mongodb://user:" + secret + "@host", "", "gridfs"},
		{"s3:bucket", "", "s3://BUCKET"},
		{"s3://", "", "no bucket"},
		{"s3:///prefix", "", "no bucket"},
		{"s3://key:" + secret + "@bucket", "", "AWS_SECRET_ACCESS_KEY"},
		{"s3://key:" + secret + "%zz@bucket", "", "no address"},
		{"s3://host:9000/bucket", "", "server in the place of the bucket"},
		{"s3://[::1]/bucket", "", "server in the place of the bucket"},
		{"s3://bucket/prefix#part", "", "#"},
		{"s3://bucket?secret_key=" + secret, "", "unknown setting"},
		{"s3://bucket?" + secret, "", "unknown setting"},
		{"s3://bucket?region=%zz" + secret, "", "cannot be read"},
		{"s3://bucket?endpoint=minio:9000", "", "http://HOST"},
		{"s3://bucket?endpoint=https://key:" + secret + "@minio", "", "http://HOST"},
		{"s3://bucket?endpoint=ftp://minio", "", "http://HOST"},
		{"s3://bucket?path_style=perhaps", "", "true nor false"},
	} {
		data := dataFlags{Data: filepath.Join(t.TempDir(), "data"), Ledger: c.ledger}
		store, _, _, err := openMediaStore(t.Context(), c.spec, data)
		if store != nil || !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "--media") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a usage error that says %q", c.spec, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: tells the secret: %v", c.spec, err)
		}
		if _, err := os.Stat(data.Data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: made the data folder, %v", c.spec, err)
		}
	}
}

func TestParseS3(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]blob.S3Options{
		"s3://bucket":                     {Bucket: "bucket"},
		"s3://my.bucket_1/a/b/":           {Bucket: "my.bucket_1", Prefix: "a/b/"},
		"s3://bucket?region=eu-central-1": {Bucket: "bucket", Region: "eu-central-1"},
		"s3://bucket/a%20b?endpoint=https://minio.example.org:9000&path_style=1": {
			Bucket: "bucket", Prefix: "a b/", Endpoint: "https://minio.example.org:9000", PathStyle: true,
		},
		"s3://bucket?path_style=false&endpoint=": {},
	} {
		got, err := parseS3(spec)
		if got != want || (err != nil) != (want.Bucket == "") {
			t.Errorf("%s: %+v, %v, want %+v", spec, got, err, want)
		}
	}
}

func TestRemoveLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"candor-video-1/deep", "candor-video-2", "candor-upload-1", "video"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"candor-video-1/deep/film.mp4", "candor-video-file"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "candor-video-link")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := removeLeftovers(dir); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"video"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
	if err := removeLeftovers(filepath.Join(dir, "missing")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("followed a link: %v", err)
	}
	file := filepath.Join(outside, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := removeLeftovers(file); err == nil {
		t.Error("took a file for a folder")
	}
}
