package web

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"extranet/portal"
)

const (
	heartbeat = 15 * time.Second
	nounEvery = time.Second      // one noun is told of no more often
	feedEvery = 10 * time.Second // nor is how fresh something is
)

// events tells a page as it happens which nouns of the partner's data are others now: "event: orders". It carries no
// data. "any" stands for all of them, "feed:orders" for how fresh one is, and "ended" says that the caller is no longer
// who they were; then the page loads itself again.
func (w *Web) events(c *gin.Context) {
	by, err := w.auth.Peek(c)
	if err == nil {
		err = someone(by)
	}
	if err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(statuses[portal.Says(err).Kind])
		return
	}
	c.Set("partner", by.PartnerID)
	leave, err := w.streams.take(by)
	if err != nil {
		_ = c.Error(err)
		c.Header("Retry-After", "30")
		c.AbortWithStatus(http.StatusTooManyRequests)
		return
	}
	defer leave()
	closing, _ := c.Request.Context().Value(ClosingKey{}).(<-chan struct{})
	subscribe := w.db.Subscribe
	if by.Host && by.Perms.Has(portal.FeedsRead) {
		subscribe = w.db.SubscribeSignals
	}
	news := subscribe(by.PartnerID)
	defer news.Close()
	if ms, err := strconv.ParseInt(c.Query("since"), 10, 64); err == nil { // when the page was made: nothing is missed between that and now
		news.Since(time.UnixMilli(ms))
	}

	control := http.NewResponseController(c.Writer)
	_ = control.SetReadDeadline(time.Time{}) // a server's limit on reading would end the stream
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy passes on each event at once
	c.Status(http.StatusOK)
	say := func(text string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(heartbeat)) // a reader that is gone is noticed
		_, err := io.WriteString(c.Writer, text)
		return err == nil && control.Flush() == nil
	}
	// same asks again who is there: a member who is revoked hears nothing more.
	same := func() bool {
		now, err := w.auth.Peek(c)
		return err == nil && now.PartnerID == by.PartnerID && now.Scope() == by.Scope()
	}
	if !say(fmt.Sprintf("retry: %d\n\n", 2000+rand.IntN(3000))) { // all come back after a restart, but not at once
		return
	}
	var (
		waiting = map[string]bool{}
		told    = map[string]time.Time{} // by noun; "feed:" for all feeds
		wake    = time.NewTimer(time.Hour)
		beat    = time.NewTicker(heartbeat)
	)
	defer wake.Stop()
	defer beat.Stop()
	for {
		select {
		case <-c.Request.Context().Done():
			return
		case <-closing:
			return
		case <-beat.C:
			if !same() {
				say("event: ended\ndata:\n\n")
				return
			}
			if !say(":\n\n") {
				return
			}
			continue
		case <-news.C:
			for _, noun := range news.Nouns() {
				waiting[noun] = true
			}
		case <-wake.C:
		}
		now, next, text := time.Now(), time.Duration(-1), ""
		for _, noun := range slices.Sorted(maps.Keys(waiting)) {
			kind, every := noun, nounEvery
			if strings.HasPrefix(noun, "feed:") {
				kind, every = "feed:", feedEvery
			}
			if wait := every - now.Sub(told[kind]); wait > 0 && told[kind] != now {
				if next < 0 || wait < next {
					next = wait
				}
				continue
			}
			told[kind] = now
			delete(waiting, noun)
			if noun == "" {
				noun = "any"
			}
			text += "event: " + noun + "\ndata:\n\n"
		}
		if next >= 0 {
			wake.Reset(next)
		}
		if text == "" {
			continue
		}
		if !same() {
			text = "event: ended\ndata:\n\n"
		}
		if !say(text) || strings.Contains(text, "event: ended") {
			return
		}
	}
}
