package mongo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/ledgertest"
	"github.com/candor-ugc/candor/api/ledger/mongo"
)

func TestMain(m *testing.M) {
	// A server is slower than a file; -rapid.checks still asks for more.
	err := errors.Join(flag.Set("rapid.checks", "15"), flag.Set("rapid.nofailfile", "true"))
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// server is the address of the server to test against.
func server(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("CANDOR_TEST_MONGODB_URI")
	switch {
	case uri != "":
		return uri
	case testing.Short():
		t.Skip("CANDOR_TEST_MONGODB_URI is not set")
	default:
		t.Fatal("CANDOR_TEST_MONGODB_URI is not set: run `make test`, or `.ci/with-mongo go test ./...`, or with -short to skip")
	}
	return ""
}

// at puts a database into an address.
func at(uri, database string) string {
	address, query, _ := strings.Cut(uri, "?")
	scheme, hosts, _ := strings.Cut(address, "://")
	hosts, _, _ = strings.Cut(hosts, "/")
	if query != "" {
		query = "?" + query
	}
	return scheme + "://" + hosts + "/" + database + query
}

// patient is a timeout for a server that is shared with many other tests.
var patient = mongo.Options{Timeout: time.Minute}

// fresh is the address of a database of the test's own.
func fresh(t *testing.T) string {
	t.Helper()
	uri := server(t)
	name := "candor_test_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		client := connect(t, uri)
		if err := client.Database(name).Drop(context.Background()); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return at(uri, name)
}

// connect gives a client beside the store.
func connect(t *testing.T, uri string) *driver.Client {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Errorf("disconnect: %v", err)
		}
	})
	return client
}

// located is a store that remembers its address.
type located struct {
	*mongo.Store
	uri string
}

func openAt(t *testing.T, uri string) located {
	t.Helper()
	s, err := mongo.Open(t.Context(), uri, patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return located{s, uri}
}

func open(t *testing.T) ledger.Store {
	t.Helper()
	return openAt(t, fresh(t))
}

func reopen(t *testing.T, s ledger.Store) ledger.Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, s.(located).uri)
}

func TestContract(t *testing.T) {
	t.Parallel()
	server(t)
	ledgertest.Run(t, open, ledgertest.Reopen(reopen))
}

func TestModel(t *testing.T) {
	t.Parallel()
	ledgertest.Model(t, open(t), nil)
}
