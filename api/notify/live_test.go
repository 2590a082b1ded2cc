package notify_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/notify"
)

func TestNewsReachesTheListenersOfItsSiteAlone(t *testing.T) {
	t.Parallel()
	var live notify.Live
	a, stopA, ok := live.Listen("a")
	if !ok {
		t.Fatal("nobody listens yet, but there is no room")
	}
	b, stopB, _ := live.Listen("b")
	defer stopB()
	live.Publish(content.Happening{Site: "a", ID: "1"})
	if got := <-a; got.ID != "1" {
		t.Errorf("listener of a got %+v", got)
	}
	select {
	case got := <-b:
		t.Errorf("listener of b got news of a: %+v", got)
	default:
	}
	stopA()
	stopA() // stopping twice is no harm
	live.Publish(content.Happening{Site: "a", ID: "2"})
	if got, open := <-a; open {
		t.Errorf("a stopped listener got %+v", got)
	}
}

func TestAListenerThatIsTooSlowIsCutOff(t *testing.T) {
	t.Parallel()
	var live notify.Live
	news, stop, _ := live.Listen("a")
	defer stop()
	for i := range 1000 {
		live.Publish(content.Happening{Site: "a", ID: fmt.Sprint(i)})
	}
	n := 0
	for range news {
		n++
	}
	if n == 0 || n >= 1000 {
		t.Errorf("a slow listener got %d of 1000 before it was cut off", n)
	}
}

func TestListenersComeAndGoWhileNewsIsPublished(t *testing.T) {
	t.Parallel()
	var live notify.Live
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				news, stop, ok := live.Listen("a")
				if !ok {
					t.Error("no room for 8 listeners")
					return
				}
				live.Publish(content.Happening{Site: "a", ID: fmt.Sprint(i)})
				<-news
				stop()
			}
		})
	}
	all.Wait()
}

func TestListenersAreBounded(t *testing.T) {
	t.Parallel()
	var live notify.Live
	for n := 0; ; n++ {
		_, stop, ok := live.Listen("a")
		if !ok {
			if n < 100 {
				t.Errorf("only %d may listen", n)
			}
			return
		}
		defer stop()
		if n > 10_000 {
			t.Fatal("listeners are not bounded")
		}
	}
}
