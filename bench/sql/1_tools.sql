-- Deterministic numbers: the same row gets the same values in every run, whichever connection makes it.
CREATE SCHEMA IF NOT EXISTS bench;

CREATE OR REPLACE FUNCTION bench.u(i bigint, salt integer) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(i, salt) & 2147483647)::double precision / 2147483648 $$;
COMMENT ON FUNCTION bench.u(bigint, integer) IS 'A number in [0, 1) that depends on the row and the salt alone.';

CREATE OR REPLACE FUNCTION bench.pick(i bigint, salt integer, words text[], skew double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT words[1 + floor(cardinality(words) * power(bench.u(i, salt), skew))::integer] $$;
COMMENT ON FUNCTION bench.pick(bigint, integer, text[], double precision) IS 'One of the words; the larger the skew, the likelier the first.';

CREATE OR REPLACE FUNCTION bench.surname(i bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT bench.pick(i, 11, '{Schwarz,Stein,Berg,Wald,Hoch,Lind,Kirch,Ober,Nieder,Brand,Eich,Roth,Grün,Alt,Neu,Winter,Sommer,Rosen,Haber,Kraut,Mühl,Fisch,Wein,Korn,Gold,Silber,Hirsch,Wolf,Bären,Falken,Adler,Birken,Buchen,Erlen,Tannen,Heid,Moor,Sand,Lehm,Frei,Krumm,Lang,Kurz,Breit,Schön,Wild,Zimmer,Bauer,Vogel,Möll}', 1.3)
          || bench.pick(i, 12, '{bach,berg,mann,meier,hofer,huber,feld,wald,thal,hausen,dorf,stein,brunn,kamp,moser,egger,auer,inger,graf,lein,horst,busch,brink,see,brück,ried,roth,wies,furt,kirch}', 1.3)
          || bench.pick(i, 13, '{"","",er,"",s,"",ner,ler,"",en}', 1) $$;
COMMENT ON FUNCTION bench.surname(bigint) IS 'One of about 10,000 surnames: the rare words of names.';

CREATE OR REPLACE FUNCTION bench.kind(i bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT bench.pick(i, 21, '{Restaurant,Gasthaus,Café,Hotel,Pizzeria,Imbiss,Bistro,Gasthof,Ristorante,Bäckerei,Kantine,Catering,Eiscafé,Biergarten,Seniorenheim,Schule,Klinik,Wirtshaus,Landgasthof,Trattoria,Taverne,Brauhaus,Mensa,Weinstube,Metzgerei,Steakhaus,Pension,Feinkost,Kurhotel,Hofladen}', 2.2) $$;
COMMENT ON FUNCTION bench.kind(bigint) IS 'The first word of a name; a quarter are restaurants.';

CREATE OR REPLACE FUNCTION bench.business(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN kind IN ('Hotel', 'Pension', 'Kurhotel') THEN 'HOTEL' WHEN kind = 'Catering' THEN 'CATERING'
                  WHEN kind IN ('Kantine', 'Mensa') THEN 'CANTEEN' WHEN kind = 'Klinik' THEN 'HOSPITAL' WHEN kind = 'Seniorenheim' THEN 'CARE_HOME'
                  WHEN kind = 'Schule' THEN 'SCHOOL' WHEN kind IN ('Bäckerei', 'Metzgerei', 'Feinkost', 'Hofladen') THEN 'RETAIL'
                  WHEN kind = 'Eiscafé' THEN 'ICE_CREAM' WHEN kind = 'Biergarten' THEN 'BEER_GARDEN' WHEN kind = 'Imbiss' THEN 'OTHER'
                  ELSE 'RESTAURANT' END $$;
COMMENT ON FUNCTION bench.business(text) IS 'The kind of house that a name tells.';

-- Town and the beginning of its postcodes, the largest first.
CREATE OR REPLACE FUNCTION bench.town(i bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT bench.pick(i, 31, '{Berlin|10,Hamburg|20,München|80,Köln|50,"Frankfurt am Main|60",Stuttgart|70,Düsseldorf|40,Leipzig|04,Dortmund|44,Essen|45,Bremen|28,Dresden|01,Hannover|30,Nürnberg|90,Duisburg|47,Bochum|44,Wuppertal|42,Bielefeld|33,Bonn|53,Münster|48,Mannheim|68,Karlsruhe|76,Augsburg|86,Wiesbaden|65,Mönchengladbach|41,Gelsenkirchen|45,Aachen|52,Braunschweig|38,Chemnitz|09,Kiel|24,Halle|06,Magdeburg|39,"Freiburg im Breisgau|79",Krefeld|47,Mainz|55,Lübeck|23,Erfurt|99,Oberhausen|46,Rostock|18,Kassel|34,Hagen|58,Potsdam|14,Saarbrücken|66,Hamm|59,Ludwigshafen|67,Oldenburg|26,Osnabrück|49,Leverkusen|51,Heidelberg|69,Darmstadt|64,Solingen|42,Regensburg|93,Herne|44,Paderborn|33,Neuss|41,Ingolstadt|85,Würzburg|97,Fürth|90,Ulm|89,Heilbronn|74,Pforzheim|75,Göttingen|37,Wolfsburg|38,Bremerhaven|27,Trier|54,Jena|07,Erlangen|91,Koblenz|56,Bayreuth|95,Passau|94,Konstanz|78,Garmisch-Partenkirchen|82,Sylt|25,Rügen|18,Berchtesgaden|83,Oberstdorf|87,Cochem|56,Goslar|38,Husum|25,Meißen|01}', 1.8) $$;
COMMENT ON FUNCTION bench.town(bigint) IS 'A town and the first digits of its postcode, divided by a bar.';
