package blob_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/blob/blobtest"
)

// gateway finds the S3 server that the tests talk to. It is built by
// .ci/setup; continuous integration may not go without.
func gateway(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no module above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, ".cache", "bin", "versitygw")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing; .ci/setup builds it", path)
	}
	t.Skip("no S3 server: run .ci/setup")
	return ""
}

// startGateway starts a server with a bucket, and gives its address.
func startGateway(t *testing.T) blob.S3Options {
	t.Helper()
	path, data := gateway(t), t.TempDir()
	buckets := filepath.Join(data, "buckets")
	for _, dir := range []string{filepath.Join(buckets, "candor"), filepath.Join(data, "sidecar")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	o := blob.S3Options{
		Bucket: "candor", Region: "us-east-1", Endpoint: "http://" + address, PathStyle: true,
		AccessKey: "test-access", SecretKey: "test-secret-of-some-length",
	}
	cmd := exec.CommandContext(t.Context(), path, "--access", o.AccessKey, "--secret", o.SecretKey, "-q", "--port", address,
		"posix", "--sidecar", filepath.Join(data, "sidecar"), buckets)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	waitFor(t, address)
	return o
}

// waitFor waits until a server answers at an address.
func waitFor(t *testing.T, address string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the S3 server does not answer: ", err)
		}
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	o := startGateway(t)
	var prefixes atomic.Int64
	open := func(t *testing.T) *blob.S3 {
		one := o
		one.Prefix = fmt.Sprintf("site-%d/", prefixes.Add(1))
		s, err := blob.OpenS3(t.Context(), one)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	t.Run("Contract", func(t *testing.T) {
		blobtest.Run(t, func(t *testing.T) blob.Store { return open(t) })
	})
	t.Run("NoBucket", func(t *testing.T) {
		wrong := o
		wrong.Bucket = "missing"
		if _, err := blob.OpenS3(t.Context(), wrong); err == nil {
			t.Error("opened a bucket that does not exist")
		}
	})
	t.Run("WrongKey", func(t *testing.T) {
		wrong := o
		wrong.SecretKey = "another-secret-of-some-length"
		if _, err := blob.OpenS3(t.Context(), wrong); err == nil {
			t.Error("opened a bucket with a wrong key")
		}
	})
}
