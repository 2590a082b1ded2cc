package media_test

import (
	"testing"

	"github.com/candor-ugc/candor/media"
)

func TestSurveyX(t *testing.T) {
	p, _ := processor(t, media.Limits{})
	for _, f := range []string{"images", "videos"} {
		served, refused, err := media.PrintSurvey(t.Output(), media.Survey(t.Context(), p, dataFolder(t, f)))
		t.Log(served, refused, err)
	}
}
