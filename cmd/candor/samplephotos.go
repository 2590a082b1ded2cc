package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// samplePhotos is one line of the sample: a review with photos, which goes the
// way of every review.
type samplePhotos struct {
	Product  string `json:"product"`
	Author   string `json:"author"`
	Name     string `json:"name"`
	Language string `json:"language"`
	Rating   int    `json:"rating"`
	Title    string `json:"title"`
	Body     string `json:"body"`
	Approve  bool   `json:"approve"`
	Photos   []struct {
		File    string `json:"file"`
		Caption string `json:"caption"`
		Alt     string `json:"alt"`
	} `json:"photos"`
}

// loadPhotos submits the sample's reviews with photos, and approves most of
// them. Doing it again after a crash adds nothing.
func loadPhotos(ctx context.Context, n *node, d dataFlags) error {
	return eachLine("sample/photos.jsonl", func(line []byte, number int) error {
		var v samplePhotos
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		who := content.Actor{ID: v.Author, Name: v.Name, Role: content.Shopper, Purchases: []string{v.Product}}
		text := content.Version{Language: v.Language, Rating: v.Rating, Title: v.Title, Body: v.Body}
		for _, p := range v.Photos {
			id, err := uploadSample(ctx, n, d, who, p.File)
			if err != nil {
				return err
			}
			text.Media = append(text.Media, content.Media{ID: id, Caption: p.Caption, Alt: p.Alt})
		}
		key := "sample-" + strconv.Itoa(number)
		done, err := n.svc.Submit(ctx, who, lifecycle.Submission{
			Site: demoSite, Kind: content.Review, Subject: content.ProductOf(v.Product), Text: text, Key: key, Hash: key,
		})
		if err != nil || !v.Approve {
			return err
		}
		operator := content.Actor{ID: "demo", Role: content.Moderator}
		_, err = n.svc.Decide(ctx, operator, demoSite, done.ID, lifecycle.Decision{Action: moderation.ActionApprove, Rev: 1})
		if errors.Is(err, lifecycle.ErrConflict) {
			return nil // before the crash
		}
		return err
	})
}

func uploadSample(ctx context.Context, n *node, d dataFlags, who content.Actor, name string) (id string, err error) {
	data, err := sample.ReadFile(path.Join("sample/photos", name))
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(d.tempDir(), "candor-upload-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	m, err := n.svc.Upload(ctx, who, demoSite, file.Name(), int64(len(data)))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return m.ID, nil
}
