package portal

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"
)

// An answer is kept under {partner}:noun:generation:scope:key. The generation is
// read before the data, and whatever changes the data counts it up in the same
// commit, so what is found under the current generation is current.
type cache struct {
	near    *otter.Cache[string, entry] // in process; used only while the news arrives
	far     *redis.Client
	breaker atomic.Int64 // unix nanoseconds until which Redis is left alone; 0 = it answers
}

type entry struct {
	value  any
	weight uint32
}

const (
	farTTL     = 10 * time.Minute
	farTimeout = 150 * time.Millisecond
	farPause   = 2 * time.Second
)

func newCache(o Options) *cache {
	mib := o.CacheMiB
	if mib == 0 {
		mib = 48
	}
	near := otter.Must(&otter.Options[string, entry]{
		MaximumWeight: uint64(mib) << 20,
		Weigher:       func(key string, e entry) uint32 { return e.weight + uint32(len(key)) },
	})
	return &cache{near: near, far: o.Redis}
}

// Cached returns what load returns, from memory or Redis when it is known for the
// caller's partner, scope and key at the current generation of noun. The value is shared: never
// change it. Errors are not kept. With Redis gone the answer comes from the
// database; with the news gone too, each time. A partner that does not exist is NotFound.
func Cached[T any](ctx context.Context, db *DB, by Caller, noun, key string, load func(ctx context.Context) (T, error)) (T, error) {
	if by.PartnerID == 0 {
		return load(ctx)
	}
	return cached(ctx, db, tag{noun: noun, partner: by.PartnerID}, "{"+strconv.FormatInt(by.PartnerID, 10)+"}", by.Scope()+":"+key, load)
}

// CachedAccess is Cached for what a person may do, before it is known for which partner. A person who does not exist is NotFound.
func CachedAccess[T any](ctx context.Context, db *DB, person uuid.UUID, key string, load func(ctx context.Context) (T, error)) (T, error) {
	return cached(ctx, db, tag{noun: "access", person: person}, "{"+person.String()+"}", key, load)
}

func cached[T any](ctx context.Context, db *DB, t tag, hashTag, key string, load func(ctx context.Context) (T, error)) (v T, err error) {
	g, kept, err := db.generation(ctx, t)
	if err != nil {
		return v, err
	}
	full := hashTag + ":" + t.noun + ":" + strconv.FormatInt(g, 10) + ":" + key
	if !kept {
		v, _, err = throughRedis(ctx, db.cache, full, load)
		return v, err
	}
	if e, ok := db.cache.near.GetIfPresent(full); ok {
		return e.value.(T), nil
	}
	// One loader per key at a time. It outlives the request that began it, for others wait on it.
	e, err := db.cache.near.Get(ctx, full, otter.LoaderFunc[string, entry](func(ctx context.Context, _ string) (entry, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		v, size, err := throughRedis(ctx, db.cache, full, load)
		return entry{v, uint32(2*size + 64)}, err
	}))
	if err != nil {
		return v, err
	}
	return e.value.(T), nil
}

// throughRedis asks Redis, then load, and tells Redis. size is that of the encoded value in bytes.
func throughRedis[T any](ctx context.Context, c *cache, key string, load func(ctx context.Context) (T, error)) (v T, size int, err error) {
	if body, ok := c.ask(ctx, key); ok {
		if err := decode(body, &v); err == nil {
			return v, len(body), nil
		}
		var zero T
		v = zero
	}
	if v, err = load(ctx); err != nil {
		return v, 0, err
	}
	if !c.reachable() {
		return v, weigh(v), nil
	}
	body, err := encode(v)
	if err != nil {
		return v, 0, fmt.Errorf("encoding for the cache: %w", err)
	}
	c.tell(ctx, key, body)
	return v, max(len(body), weigh(v)), nil
}

// A Kept value is encoded already: it goes to Redis and comes back as it is.
type Kept interface {
	encoding.BinaryMarshaler
	Size() int // bytes
}

// weigh guesses how many bytes a value takes that has no need to be encoded.
func weigh(v any) int {
	if k, ok := v.(Kept); ok {
		return k.Size()
	}
	return 8 << 10
}

func encode(v any) ([]byte, error) {
	if k, ok := v.(Kept); ok {
		return k.MarshalBinary()
	}
	return json.Marshal(v)
}

func decode(body []byte, v any) error {
	if k, ok := v.(encoding.BinaryUnmarshaler); ok {
		return k.UnmarshalBinary(body)
	}
	return json.Unmarshal(body, v)
}

// reachable reports that there is a Redis which answered lately. When it has been left alone for a
// while, one caller is sent to see, and the others do not wait for the outcome.
func (c *cache) reachable() bool {
	if c.far == nil {
		return false
	}
	until, now := c.breaker.Load(), time.Now()
	return until == 0 || now.UnixNano() >= until && c.breaker.CompareAndSwap(until, now.Add(farPause).UnixNano())
}

// ask returns the body that Redis keeps under key. The key is kept with the body, and an answer that
// carries another key is not believed.
func (c *cache) ask(ctx context.Context, key string) ([]byte, bool) {
	if !c.reachable() {
		return nil, false
	}
	within, cancel := context.WithTimeout(ctx, farTimeout)
	defer cancel()
	answer, err := c.far.Get(within, key).Bytes()
	if err != nil {
		if errors.Is(err, redis.Nil) {
			c.breaker.Store(0)
		} else if ctx.Err() == nil {
			c.trip()
		}
		return nil, false
	}
	c.breaker.Store(0)
	said, body, ok := bytes.Cut(answer, []byte{'\n'})
	return body, ok && string(said) == key
}

func (c *cache) tell(ctx context.Context, key string, body []byte) {
	if !c.reachable() {
		return
	}
	within, cancel := context.WithTimeout(ctx, farTimeout)
	defer cancel()
	if err := c.far.Set(within, key, key+"\n"+string(body), farTTL).Err(); err == nil {
		c.breaker.Store(0)
	} else if ctx.Err() == nil {
		c.trip()
	}
}

// trip leaves Redis alone for a while, so that a slow one slows nobody down.
func (c *cache) trip() { c.breaker.Store(time.Now().Add(farPause).UnixNano()) }
