package bolt_test

import (
	"flag"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/bolt"
	"github.com/candor-ugc/candor/api/ledger/ledgertest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// located is a store that remembers its file.
type located struct {
	*bolt.Store
	path string
}

func openFile(t *testing.T, path string) located {
	t.Helper()
	s, err := bolt.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return located{s, path}
}

func open(t *testing.T) ledger.Store {
	t.Helper()
	return openFile(t, filepath.Join(t.TempDir(), "ledger.bolt"))
}

func reopen(t *testing.T, s ledger.Store) ledger.Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openFile(t, s.(located).path)
}

func TestContract(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, open, ledgertest.Reopen(reopen))
}

func TestModel(t *testing.T) {
	t.Parallel()
	ledgertest.Model(t, open(t), reopen)
}
