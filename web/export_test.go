package web

import "testing"

func TestLocalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/orders?q=1#x": "/orders?q=1#x", "": "/", "orders": "/", "//x": "/", "/\\x": "/", "https://x/": "/", "/\n/x": "/", "javascript:alert(1)": "/", "/%2f/x": "/%2f/x", "/a b": "/",
	} {
		if got := localPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
