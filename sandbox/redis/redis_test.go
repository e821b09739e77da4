package redis

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestServer(t *testing.T) {
	_, missing := exec.LookPath("redis-server")
	for _, c := range []struct {
		name string
		real bool
	}{{"child", true}, {"inner", false}} {
		t.Run(c.name, func(t *testing.T) {
			if c.real && missing != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal("redis-server is not installed")
				}
				t.Skip("SKIPPED: redis-server is not installed")
			}
			if !c.real {
				t.Setenv("PATH", "")
			}
			s, err := Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			if s.Real() != c.real {
				t.Errorf("Real is %v", s.Real())
			}
			db := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
			defer db.Close()
			if err := db.Set(t.Context(), "key", "value", 300*time.Millisecond).Err(); err != nil {
				t.Fatal(err)
			}
			if got := db.Get(t.Context(), "key").Val(); got != "value" {
				t.Errorf("the key holds %q", got)
			}
			time.Sleep(600 * time.Millisecond)
			if err := db.Get(t.Context(), "key").Err(); err != redis.Nil {
				t.Errorf("the key has not expired: %v", err)
			}
			s.Stop()
			s.Stop()
			if err := db.Ping(t.Context()).Err(); err == nil {
				t.Error("it still answers")
			}
		})
	}
}
