package targets

// What an app may offer to a server.
const (
	OffersDjango = "django" // settings, and a manage.py
	OffersWSGI   = "wsgi"
	OffersASGI   = "asgi"
)

// Offerings are all that an app may offer.
func Offerings() []string { return []string{OffersDjango, OffersWSGI, OffersASGI} }

// Offers reports whether the app has what a server needs, and the key of bench.yaml that says so.
func (a App) Offers(what string) (has bool, key string) {
	switch what {
	case OffersDjango:
		return a.Settings != "", "app.settings"
	case OffersWSGI:
		return a.WSGI != "", "app.wsgi"
	case OffersASGI:
		return a.ASGI != "", "app.asgi"
	}
	return false, ""
}
