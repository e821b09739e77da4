package web

import "net/http"

// An advice is what an error page says besides what happened: what to do about it.
type advice struct {
	icon  Icon
	title string
	text  string
}

var advices = map[int]advice{
	http.StatusBadRequest: {IconProblem, "That could not be read",
		"The address or the form was not complete. Go back, load the page again and try once more."},
	http.StatusForbidden: {IconForbidden, "You may not do this",
		"Your role does not include it for this partner. Your partner administrator can grant it, or switch to the partner you meant to act for."},
	http.StatusNotFound: {IconMissing, "There is nothing here",
		"It does not exist, or it is not among what you may see. Check the number, search for it, or check which partner you are acting for."},
	http.StatusMethodNotAllowed: {IconProblem, "That cannot be done here",
		"Open the page from the navigation and use its buttons."},
	http.StatusConflict: {IconRefresh, "It has changed meanwhile",
		"Someone else, or the core system, was faster. Load it again to see how it stands now, then decide anew. Nothing of yours was stored."},
	http.StatusRequestEntityTooLarge: {IconUpload, "That is too large",
		"Split the file or make it smaller, then send it again."},
	http.StatusUnprocessableEntity: {IconProblem, "Some of it cannot be taken",
		"What is wrong is named below. Go back, mend it and send it again. Nothing was stored."},
	http.StatusTooManyRequests: {IconWaiting, "Too many requests",
		"You, or a program with your access, asked more often than agreed. Wait a moment, then load the page again."},
	http.StatusInternalServerError: {IconProblem, "Something went wrong on our side",
		"It is logged and not your doing. Try again in a minute. If it stays, send the reference below to your contact at the host."},
	http.StatusServiceUnavailable: {IconOffline, "Not available just now",
		"The portal is being restarted or is too busy. Load the page again in a minute: what you had sent before is safe."},
}

func adviceFor(status int) advice {
	if a, ok := advices[status]; ok {
		return a
	}
	if status >= 500 {
		return advices[http.StatusInternalServerError]
	}
	return advices[http.StatusBadRequest]
}
