package core

import "fmt"

// Everything and everybody here is made up.

type town struct{ country, name, zip, region, dial string }

var towns = []town{
	{"NL", "Utrecht", "3542 AD", "Utrecht", "+31 30"}, {"DE", "Kassel", "34123", "Hessen", "+49 561"}, {"GB", "Leeds", "LS10 1PZ", "West Yorkshire", "+44 113"},
	{"US", "Columbus", "43207", "OH", "+1 614"}, {"DE", "Hannover", "30179", "Niedersachsen", "+49 511"}, {"BE", "Gent", "9042", "Oost-Vlaanderen", "+32 9"},
	{"FR", "Lille", "59160", "Hauts-de-France", "+33 3"}, {"AT", "Linz", "4030", "Oberösterreich", "+43 732"}, {"DE", "Münster", "48165", "Nordrhein-Westfalen", "+49 251"},
	{"NL", "Zwolle", "8028 PM", "Overijssel", "+31 38"}, {"DE", "Leipzig", "04356", "Sachsen", "+49 341"}, {"FR", "Metz", "57070", "Grand Est", "+33 3"},
	{"IT", "Verona", "37135", "Veneto", "+39 045"}, {"DE", "Augsburg", "86167", "Bayern", "+49 821"}, {"NL", "Breda", "4825 BL", "Noord-Brabant", "+31 76"},
	{"ES", "Zaragoza", "50197", "Aragón", "+34 976"}, {"BE", "Namur", "5100", "Namur", "+32 81"}, {"AT", "Graz", "8055", "Steiermark", "+43 316"},
	{"DE", "Bremen", "28309", "Bremen", "+49 421"}, {"FR", "Reims", "51100", "Grand Est", "+33 3"}, {"NL", "Groningen", "9723 ZP", "Groningen", "+31 50"},
	{"NL", "Arnhem", "6827 BR", "Gelderland", "+31 26"}, {"NL", "Tilburg", "5047 TP", "Noord-Brabant", "+31 13"}, {"NL", "Rotterdam", "3089 JH", "Zuid-Holland", "+31 10"},
	{"GB", "Norwich", "NR6 6BE", "Norfolk", "+44 1603"}, {"US", "Dayton", "45404", "OH", "+1 937"}, {"IT", "Padova", "35127", "Veneto", "+39 049"},
	{"DE", "Ulm", "89079", "Baden-Württemberg", "+49 731"}, {"LU", "Bertrange", "8070", "", "+352"}, {"DE", "Erfurt", "99086", "Thüringen", "+49 361"},
}

var taxes = map[string]int64{"NL": 2100, "DE": 1900, "GB": 2000, "US": 0, "BE": 2100, "FR": 2000, "AT": 2000, "IT": 2200, "ES": 2100, "LU": 1700} // hundredths of a per cent

var streets = map[string][]string{
	"NL": {"Atoomweg", "Industrieweg", "Ampèrestraat", "Voltaweg", "Rijksstraatweg", "Havendijk"},
	"DE": {"Lise-Meitner-Straße", "Industriestraße", "Am Güterbahnhof", "Dieselstraße", "Hafenstraße", "Ölmühlenweg"},
	"AT": {"Gewerbestraße", "Am Frachtenbahnhof", "Wiener Straße"},
	"GB": {"Foundry Lane", "Whitehall Road", "Canal Street"},
	"US": {"Commerce Drive", "Alum Creek Road", "Depot Street"},
	"BE": {"Nijverheidslaan", "Rue de l'Industrie"},
	"FR": {"rue de la Gare", "avenue de l'Europe", "rue des Artisans"},
	"IT": {"Via dell'Artigianato", "Via Torricelli"},
	"ES": {"Calle del Comercio", "Calle Turiaso"},
	"LU": {"rue des Scillas"},
}

// The first is the big dealer, the second its neighbour.
var dealers = []struct{ country, name string }{
	{"NL", "Veldhorst Autoservice B.V."}, {"DE", "Ahlersdorf Reifenhandel GmbH"}, {"GB", "Pennock Tyre Centres Ltd"}, {"US", "Dunmere & Pike Tire Co."},
	{"DE", "Reifen Obermüller KG"}, {"BE", "Banden Verstraete & Zn."}, {"FR", "Pneus Marchelier SARL"}, {"AT", "Hochreiter Räder GmbH"},
	{"DE", "Kfz-Teile Wöstenkamp"}, {"NL", "Brinkhuis Banden"}, {"DE", "Autohaus Zschornack"}, {"FR", "Garage Delvigne"},
	{"IT", "Gommista Fratelli Baresani"}, {"DE", "Lechtal Reifenservice"}, {"NL", "Van der Loeff Autotechniek"}, {"ES", "Neumáticos Olivera"},
	{"BE", "Etablissements Crahay"}, {"AT", "Radprofi Stainzer"}, {"DE", "Hanse Fahrzeugteile Pohlmann"}, {"FR", "Champagne Pneus Services"},
	{"NL", "Hoekstra & Dijkema"}, {"DE", "Donau Radhaus"}, {"LU", "Garage Weydert"}, {"DE", "Thüringer Reifenkontor"},
	{"NL", "Sprinter Wielen"}, {"DE", "Meyerbeck Nutzfahrzeuge"}, {"DE", "Roetgen Reifen & Felgen"}, {"FR", "Ateliers Bonnemaison"},
	{"NL", "De Lange Weg Trucks"}, {"AT", "Kaltenbrunn Autoteile"}, {"GB", "Tyre Barn Otterby"}, {"DE", "Autotechnik Fehrenbach"},
	{"NL", "Bandenhuis Oosterlo"}, {"DE", "Rollwerk Siebert"}, {"FR", "Pneu Express Vauclin"}, {"DE", "Südring Werkstattbedarf"},
	{"IT", "Officina Trevisol"}, {"DE", "Gebrüder Nottbeck"}, {"DE", "Mobilitätshaus Crüwell"}, {"ES", "Talleres Ibarrondo"},
}

var supplierNames = []string{
	"Corvex Tyres S.A.", "Nordhav Dekk AS", "Bremdal Braking GmbH", "Voltane Batteries B.V.", "Gripfell Rubber Works", "Ostrea Pneumatici S.p.A.", "Tessaro Tyre Company",
	"Halmer Filtertechnik", "Kolvik Wheels", "Lumenor Lighting", "Oelmar Schmierstoffe", "Zündwerk Ostrau",
}

var firstNames = []string{"Anke", "Bram", "Céline", "Dirk", "Elif", "Frauke", "Goran", "Hanna", "Ivo", "Jasmijn", "Karim", "Lotte", "Matteo", "Nele", "Oskar", "Paula", "Quentin", "Ruth", "Sven", "Tomasz", "Ulla", "Vera", "Wim", "Yara"}
var lastNames = []string{"Aerts", "Böhm", "Castellani", "de Wit", "Engel", "Fischbach", "Gerritsen", "Haase", "Ilić", "Jacobs", "Keller", "Lemaire", "Mulder", "Nowak", "Okafor", "Peeters", "Rinaldi", "Schuster", "Thijssen", "Ulrich", "Vogt", "Wagenaar", "Yıldız", "Ziegler"}
var jobs = []string{"Purchasing", "Workshop manager", "Accounts payable", "Branch manager", "Parts counter"}

var notes = []string{"Please deliver before 10:00", "Ring the bell at gate 2", "Customer is waiting", "Deliver with the next regular tour", "Winter season stock", "No delivery on Friday afternoon"}

type carrier struct {
	name, prefix string
	services     []string
	perPackage   int64 // grams
}

// The last one takes what is too heavy for the others.
var carriers = []carrier{
	{"Parcelio", "PC", []string{"Standard", "Express"}, 42_000},
	{"Roadlink Nova", "RN", []string{"Next day", "Economy"}, 60_000},
	{"Own fleet", "TM", []string{"Day tour", "Night tour"}, 90_000},
	{"Harkway Freight", "HF", []string{"Pallet"}, 240_000},
}

type tyreSize struct {
	size, load   string
	cents, grams int64
}

var tyreSizes = []tyreSize{
	{"175/65 R14", "82T", 4890, 7100}, {"185/60 R15", "88H", 5590, 7700}, {"185/65 R15", "88T", 5450, 7900}, {"195/55 R16", "87H", 7390, 8400}, {"195/65 R15", "91V", 5690, 8500},
	{"205/55 R16", "91V", 6490, 9000}, {"205/60 R16", "96H", 7890, 9600}, {"215/55 R17", "98W", 9490, 10300}, {"215/65 R16", "98H", 8690, 10900}, {"225/40 R18", "92Y", 8990, 9900},
	{"225/45 R17", "94W", 8290, 10000}, {"225/50 R17", "98Y", 9890, 10800}, {"225/65 R17", "102H", 11290, 12600}, {"235/45 R18", "98Y", 11990, 11400}, {"235/55 R19", "105V", 14590, 13500},
	{"245/40 R19", "98Y", 15490, 11900}, {"255/35 R20", "97Y", 18990, 12400}, {"255/50 R20", "109W", 19690, 15300}, {"275/40 R21", "107Y", 24490, 15900}, {"205/75 R16C", "110R", 9790, 13100},
	{"215/70 R15C", "109S", 9390, 12800}, {"315/80 R22.5", "156L", 36900, 68000},
}

// Brands by supplier, with their patterns.
var tyreBrands = []struct {
	supplier int // index
	name     string
	patterns []string
	percent  int64 // of the size's price
}{
	{0, "Corvex", []string{"Touren 4", "Sportiv RS", "Vinterra 3", "Vanline"}, 100},
	{1, "Nordhav", []string{"Fjell Ice", "Kyst 2", "Storm All Season", "Fjell Van"}, 118},
	{4, "Gripfell", []string{"EcoLine", "Cargo Plus", "Frostpact"}, 74},
	{5, "Ostrea", []string{"Perla GT", "Perla Neve", "Veloce 7"}, 131},
	{6, "Tessaro", []string{"T-Drive", "T-Winter", "T-Van"}, 86},
}

type part struct {
	supplier             int
	brand, group, prefix string
	what, uom            string
	pack                 int64
	packUOM              string
	cents, grams, lead   int64
	sizes                []string
}

var parts = []part{
	{2, "Bremdal", "BRAKE", "BD", "brake disc front, vented", "PC", 2, "SET", 3890, 7200, 9, []string{"256x22 mm", "280x22 mm", "288x25 mm", "300x24 mm", "312x25 mm", "330x28 mm", "345x30 mm", "360x34 mm"}},
	{2, "Bremdal", "BRAKE", "BP", "brake pad set", "SET", 1, "BOX", 2990, 1900, 9, []string{"B1101", "B1107", "B1114", "B1122", "B1138", "B1140", "B1151", "B1166"}},
	{3, "Voltane", "BATTERY", "BA", "starter battery", "PC", 1, "PC", 7990, 17000, 6, []string{"44 Ah 440 A", "52 Ah 520 A", "60 Ah 640 A", "70 Ah 680 A", "74 Ah 750 A", "80 Ah AGM 800 A", "95 Ah AGM 850 A", "110 Ah 920 A"}},
	{7, "Halmer", "FILTER", "FO", "oil filter", "PC", 12, "BOX", 690, 350, 12, []string{"H 10", "H 12", "H 14 X", "H 19", "H 22", "H 27", "H 31", "H 35 X"}},
	{7, "Halmer", "FILTER", "FC", "cabin filter, activated carbon", "PC", 6, "BOX", 1390, 280, 12, []string{"C 208", "C 215", "C 221", "C 230", "C 236", "C 244", "C 250", "C 262"}},
	{8, "Kolvik", "WHEEL", "WH", "alloy wheel K5", "PC", 4, "SET", 11900, 10200, 28, []string{"6.5x16 ET40", "7x17 ET42", "7.5x17 ET45", "7.5x18 ET48", "8x18 ET35", "8x19 ET45", "8.5x19 ET40", "9x20 ET35"}},
	{9, "Lumenor", "LIGHT", "LB", "halogen bulb", "PC", 10, "BOX", 390, 60, 10, []string{"H1 12V", "H4 12V", "H7 12V", "H11 12V", "W5W 12V", "P21W 12V", "H7 24V", "H4 24V"}},
	{9, "Lumenor", "WIPER", "WB", "flat wiper blade", "PC", 10, "BOX", 890, 240, 10, []string{"350 mm", "400 mm", "450 mm", "500 mm", "550 mm", "600 mm", "650 mm", "700 mm"}},
	{10, "Oelmar", "OIL", "OE", "engine oil", "CAN", 4, "BOX", 2890, 4700, 7, []string{"0W-20 5 l", "0W-30 5 l", "5W-30 5 l", "5W-30 C3 5 l", "5W-40 5 l", "10W-40 5 l", "10W-40 20 l", "15W-40 20 l"}},
	{11, "Zündwerk", "IGNITION", "ZK", "spark plug", "PC", 4, "SET", 590, 50, 14, []string{"Z 6 R", "Z 7 R", "Z 7 RP", "Z 8 RP", "Z 9 RI", "Z 10 RI", "Z 11 RX", "Z 12 RX"}},
}

var lines3 = []struct {
	name    string
	percent int64
}{{"", 100}, {" Pro", 135}, {" Eco", 78}}

// catalogue is every item the company could sell, tyres before parts.
func catalogue() (tyres, other []item) {
	for b, brand := range tyreBrands {
		for p, pattern := range brand.patterns {
			for i, s := range tyreSizes {
				tyres = append(tyres, item{
					no: fmt.Sprintf("TY%d%d%03d", b+1, p+1, i+1), descr: brand.name + " " + pattern + " " + s.size + " " + s.load, brand: brand.name, size: s.size,
					ean: gs1(fmt.Sprintf("4099%d%d%06d", b+1, p+1, 100+i)), uom: "PC", pack: 1, packUOM: "PC", group: "TYRE",
					lead: int64(7 + 3*b), weight: s.grams, price: s.cents * brand.percent / 100, vendor: vendorNo(brand.supplier), status: 10,
				})
			}
		}
	}
	for g, p := range parts {
		for n, l := range lines3 {
			for i, size := range p.sizes {
				other = append(other, item{
					no: fmt.Sprintf("%s%d%03d", p.prefix, n+1, i+1), descr: p.brand + l.name + " " + p.what + " " + size, brand: p.brand, size: size,
					ean: gs1(fmt.Sprintf("4099%02d%d%05d", 60+g, n+1, 200+i)), uom: p.uom, pack: p.pack, packUOM: p.packUOM, group: p.group,
					lead: p.lead, weight: p.grams, price: p.cents * l.percent / 100, vendor: vendorNo(p.supplier), status: 10,
				})
			}
		}
	}
	return tyres, other
}

// townsOf are the towns of a country.
func townsOf(country string) (found []town) {
	for _, t := range towns {
		if t.country == country {
			found = append(found, t)
		}
	}
	return found
}

func vendorNo(i int) string { return fmt.Sprintf("V%04d", 2001+i) }
func dealerNo(i int) string { return fmt.Sprintf("D%05d", 10001+i) }
