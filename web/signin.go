package web

// A SignIn page sends the person to their company's sign-in. With one issuer there is one
// button, with a few there is one for each; with many the mail address chooses.
type SignIn struct {
	Issuers []Issuer
	AskMail bool   // many issuers: ask for the mail address, chosen by GET /login?mail=
	Mail    string // as asked for
	Next    string // where the person wanted to go
	Message SignInMessage
	Text    string // says more than Message; may be empty
	Fault   string // what is wrong with the mail address
}

// An Issuer is a company's sign-in. Href is a plain link: a form that is redirected to
// another origin would break the content security policy.
type Issuer struct {
	Name string
	Href string
	Down bool // does not answer at present
}

// A SignInMessage is why the person stands at the door.
type SignInMessage string

const (
	Welcome           SignInMessage = ""
	SessionEnded      SignInMessage = "ended"
	SessionRevoked    SignInMessage = "revoked"
	IssuerUnreachable SignInMessage = "unreachable"
	Invited           SignInMessage = "invited"
	NoAccessYet       SignInMessage = "no-access"
	SignInCancelled   SignInMessage = "cancelled"
	SignInFailed      SignInMessage = "failed"
)

func (m SignInMessage) flash() *Flash {
	switch m {
	case SessionEnded:
		return &Flash{Info, "Your session has ended", "Sign in again to go on where you were. What you had sent is stored."}
	case SessionRevoked:
		return &Flash{Warn, "This session was ended", "You or an administrator ended it. If it was not you, tell your partner administrator."}
	case IssuerUnreachable:
		return &Flash{Warn, "Your company's sign-in does not answer", "The portal itself works. Try again in a few minutes, or ask your IT department."}
	case Invited:
		return &Flash{Info, "You are invited", "Sign in with the invited mail address to accept the invitation."}
	case NoAccessYet:
		return &Flash{Warn, "This account has no access yet", "You are signed in with your company, but no partner has invited this mail address. Ask your partner administrator for an invitation, or sign in with another account."}
	case SignInCancelled:
		return &Flash{Info, "Signing in was cancelled", "Nothing has changed. You can start again."}
	case SignInFailed:
		return &Flash{Bad, "Signing in did not work", "The answer of your company's sign-in could not be accepted. Start again; if it stays, tell your IT department."}
	}
	return nil
}
