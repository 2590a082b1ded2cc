package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// newDatabase starts a server that stops with the test, and returns an empty
// database on it.
func newDatabase(t *testing.T) *mongo.Database {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := start(ctx, "127.0.0.1:0", t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := s.wait(); err != nil {
			t.Errorf("server stopped: %v", err)
		}
	})
	return connect(t, "mongodb://"+s.addr.String()+"/").Database("test")
}

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri).
		SetTimeout(30 * time.Second).
		SetWriteConcern(writeconcern.Majority()))
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

func TestRacingReplacesHaveOneWinner(t *testing.T) {
	t.Parallel()
	const rounds, writers = 50, 8
	ctx := t.Context()
	c := newDatabase(t).Collection("contents")
	if _, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: "a"}, {Key: "rev", Value: 0}}); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		var winners atomic.Int32
		var group sync.WaitGroup
		gate := make(chan struct{})
		for writer := range writers {
			group.Go(func() {
				<-gate
				result, err := c.ReplaceOne(ctx,
					bson.D{{Key: "_id", Value: "a"}, {Key: "rev", Value: round}},
					bson.D{{Key: "rev", Value: round + 1}, {Key: "by", Value: writer}})
				if err != nil {
					t.Errorf("round %d, writer %d: %v", round, writer, err)
					return
				}
				winners.Add(int32(result.ModifiedCount))
			})
		}
		close(gate)
		group.Wait()
		if got := winners.Load(); got != 1 {
			t.Fatalf("round %d has %d winners, want 1", round, got)
		}
	}
}

func TestRacingIncrementsAddUp(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 25
	ctx := t.Context()
	c := newDatabase(t).Collection("tallies")
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				if _, err := c.UpdateByID(ctx, "a", bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}},
					options.UpdateOne().SetUpsert(true)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	var got struct {
		N int `bson:"n"`
	}
	if err := c.FindOne(ctx, bson.D{{Key: "_id", Value: "a"}}).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.N != writers*each {
		t.Errorf("n = %d, want %d", got.N, writers*each)
	}
}

func TestUnacknowledgedWriteKeepsTheConnectionUsable(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := newDatabase(t)
	silent := db.Collection("a", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	for i := range 20 {
		if _, err := silent.InsertOne(ctx, bson.D{{Key: "_id", Value: i}}); err != nil {
			t.Fatal(err)
		}
		if err := db.Client().Ping(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.Collection("a").CountDocuments(ctx, bson.D{}); err != nil || n != 20 {
		t.Errorf("CountDocuments() = %d, %v, want 20", n, err)
	}
}

// TestRunStopsWithItsInput is the contract that the shell wrapper relies on.
func TestRunStopsWithItsInput(t *testing.T) {
	t.Parallel()
	stdin, closeStdin := io.Pipe()
	stdout, line := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(t.Context(), nil, stdin, line, io.Discard) }()

	first, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	uri := strings.TrimSuffix(first, "\n")
	if !strings.HasPrefix(uri, "mongodb://127.0.0.1:") || !strings.HasSuffix(uri, "/") {
		t.Fatalf("first line = %q, want a connection string", first)
	}
	if err := connect(t, uri).Ping(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := closeStdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("run() = %v", err)
	}
}
