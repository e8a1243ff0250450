"""Client parameters as old clients may carry them: a name and the JSON of each. tests/peers/requests_test.py sends them."""

ODD_TEXTS = {"é": "é", "ř": "ř", "emoji": "\U0001f600", "all three": "é ř \U0001f600", "a blank": "a b", "a plus": "a+b", "an and": "a&b=c", "a percent": "50%",
             "an escape": "%41%7e", "a newline": "a\nb", "a quote": "\"'", "tilde": "~-._", "brackets": "[a]{b}", "a slash": "/?:@", "a hash": "a#b", "backslash": "a\\b",
             "Latin-1 sign": "\u00a0\u00ff", "nothing": "", "a tab": "\t"}
SCALARS = {"null": None, "false": False, "true": True, "0": 0, "a number": 5, "a float": 1.5, "a large float": 1e22, "a small float": 1e-7, "a whole float": 2.0,
           "minus": -3, "a huge number": 10**30, "empty": "", "text": "text"}


def at(path="/", method="get", **kwargs):
    return {"method": method, "path": path, "kwargs": kwargs}


def post(**kwargs):
    return at(method="post", **kwargs)


ROWS = {}


def rows(what, cases):
    for name, parameters in cases.items():
        assert f"{what}: {name}" not in ROWS
        ROWS[f"{what}: {name}"] = parameters


rows("parameters", {"none": {}, "a method": {"method": "post"}, "a path": {"path": "/a"}, "null kwargs": {"kwargs": None}, "empty kwargs": {"kwargs": {}},
                    "of an app": {"model": "m", "kwargs": {"data": "b"}}})
rows("method", {name: at("/m", name) for name in ("get", "GET", "Post", "PUT", "patch", "delete", "head", "options", "trace", "purge", "X-Y", "m_1!")})
rows("no body", {name: at(method=name, data=None) for name in ("post", "put", "patch", "delete", "options", "trace", "purge")})
rows("a body of", {name: at(method=name, data="body") for name in ("get", "head", "post", "put", "patch", "delete", "options", "purge")})

rows("path", {name: at(path) for name, path in {
    "plain": "/a/b", "of a tilde": "/%7E", "of an escaped letter": "/%41", "in lower escapes": "/%c3%a9", "of a reserved escape": "/%2F%3f%23", "of a stray percent": "/100%/a",
    "of a stray percent and an escape": "/%7E%/%41", "of half an escape": "/%4", "of no hex": "/%zz%7E", "of brackets": "/[a]", "of braces": "/{a}|^`", "of a blank": "/a b",
    "of quotes": "/\"'<>", "of a backslash": "/a\\b", "of é": "/é", "of ř": "/ř", "of an emoji": "/\U0001f600", "of ü as Latin-1 escape": "/%FC", "with dots": "/a/./b/../c",
    "up too far": "/../../a", "ending in a dot": "/a/.", "ending in two dots": "/a/b/..", "of escaped dots": "/a/%2e%2e/b", "of half escaped dots": "/a/.%2E/b", "of dots in names": "/..a/.b/c..",
    "of two slashes": "//a//b", "of three slashes": "///", "of a semicolon": "/a;v=1/b;c", "of sub-delims": "/!$&'()*+,;=:@", "with a fragment": "/a#b", "with an empty fragment": "/a#",
    "with a fragment before the query": "/a#b?c=d", "with a query": "/a?b=c", "with an empty query": "/a?", "with two question marks": "/a?b?c", "only a query": "/?a", "with dots in the query": "/a?b=/../c",
    "with brackets in the query": "/a?b[]=c&d[e]=f", "with a blank in the query": "/a?b= c d", "with a plus in the query": "/a?b=c+d", "with é in the query": "/a?b=é", "with an emoji in the query": "/a?\U0001f600",
    "with %7E in the query": "/a?b=%7E", "with a stray percent in the query": "/a?b=100%", "with both in the query": "/a?b=%7E%", "with a semicolon in the query": "/a?b=1;c=2", "with quotes in the query": "/a?b=\"'<>",
    "with braces in the query": "/a?b={c}|^`\\", "with a slash in the query": "/a?b=/c/d:@", "with an escaped and": "/a?b=%26%3D", "with a colon": "/a:b", "with an at": "/a@b", "with a star": "/*",
    "of a star escape": "/%2A", "of lower and upper escapes": "/%e2%82%AC?%e2", "of a dollar": "/$a", "of a tab": "/a\tb", "of a trailing blank": "/a ", "of a leading dot": "/.a", "of a long name": "/" + "x" * 3000,
    "of a scheme": "/http://x/y", "of an escaped slash and dots": "/a%2F..%2Fb", "of an escaped percent": "/%25", "of a twice escaped one": "/%2541", "of a trailing slash": "/a/", "of a dot alone": "/.", "of two dots alone": "/..",
    "of three dots": "/...", "of an empty segment and dots": "/a//../b"}.items()})

rows("params", {f"a map of {name}": at("/q", params={"k": value}) for name, value in {**SCALARS, **ODD_TEXTS}.items()})
rows("params", {f"a name of {name}": at("/q", params={text: "v"}) for name, text in ODD_TEXTS.items()})
rows("params", {f"a text of {name}": at("/q", params=text) for name, text in ODD_TEXTS.items()})
rows("params", {f"alone {name}": at("/q", params=value) for name, value in SCALARS.items()})
rows("params", {
    "beside a query": at("/q?a=1", params={"b": 2}), "a text beside a query": at("/q?a=1", params="b=2"), "beside an empty query": at("/q?", params={"b": 2}), "with a fragment": at("/q#f", params={"b": 2}),
    "of lists": at("/q", params={"a": [1, 2, "x"], "b": []}), "of a list with null": at("/q", params={"a": [1, None, 2]}), "of pairs": at("/q", params=[["a", 1], ["a", 2], ["b", "c"]]),
    "of pairs of lists": at("/q", params=[["a", [1, 2]]]), "an empty map": at("/q", params={}), "an empty list": at("/q", params=[]), "an empty text": at("/q", params=""), "order": at("/q", params={"z": 1, "a": 2, "m": 3}),
    "all null": at("/q", params={"a": None}), "of a number as name": at("/q", params=[[1, 2]]), "of a map in a map": at("/q", params={"a": {"b": 1, "c": 2}}), "a text with a question mark": at("/q", params="?a=b"),
    "a text that is escaped": at("/q", params="a=%7E&b=%20"), "a text with a stray percent": at("/q", params="a=%7E&b=%"), "a text with a hash": at("/q", params="a=b#c"), "a stray percent in the path": at("/100%", params={"a": "~"}),
    "a tilde's escape in the path": at("/%7E", params={"a": "%7E"}), "of booleans in lists": at("/q", params={"a": [True, False, None]}), "of empty texts": at("/q", params={"a": "", "b": ""}),
    "of a post": at("/q", "post", params={"a": 1}, data="b"), "of a list of texts": at("/q", params=["ab", "cd"]), "of a list of scalars": at("/q", params=[1, 2]), "of triples": at("/q", params=[["a", 1, 2]])})

rows("data", {f"a text of {name}": post(data=text) for name, text in ODD_TEXTS.items()})
rows("data", {f"alone {name}": post(data=value) for name, value in SCALARS.items()})
rows("data", {f"a form of {name}": post(data={"k": value}) for name, value in {**SCALARS, **ODD_TEXTS}.items()})
rows("data", {f"a name of {name}": post(data={text: "v"}) for name, text in ODD_TEXTS.items()})
rows("data", {
    "lists": post(data={"a": [1, 2], "b": []}), "pairs": post(data=[["a", 1], ["a", 2]]), "pairs of lists": post(data=[["a", [1, None, 2]]]), "an empty map": post(data={}), "an empty list": post(data=[]),
    "a long text": post(data="x" * 200_000), "a long text of é": post(data="é" * 50_000), "a list of texts": post(data=["ab", "cd"]), "a list of one text": post(data=["abc"]), "a map in a map": post(data={"a": {"b": 1}}),
    "with a type": post(data="<a/>", headers={"Content-Type": "text/xml"}), "a form with a type": post(data={"a": 1}, headers={"content-type": "x/y"}), "with a length": post(data="abc", headers={"Content-Length": "3"}),
    "with a wrong length": post(data="abc", headers={"Content-Length": "7"}), "and json": post(data="wins", json={"a": 1}), "empty and json": post(data="", json={"a": 1}), "an empty map and json": post(data={}, json={"a": 1}),
    "null and json": post(data=None, json={"a": 1}), "false and json": post(data=False, json={"a": 1}), "with null bytes": post(data="a\u0000b"), "of line ends": post(data="a\r\nb\n\rc"), "of a get": at(data={"a": 1}),
    "of a put": at(method="put", data={"a": "é"}), "like JSON": post(data='{"a": 1}', headers={"Content-Type": "application/json"}), "a base64 image": post(data="data:image/png;base64," + "iVBORw0KGgo=" * 100),
    "all null in a form": post(data={"a": None}), "null in a list": post(data={"a": [None]})})

rows("json", {f"{name}": post(json=value) for name, value in SCALARS.items()})
rows("json", {f"of {name}": post(json={"k": text, text: 1}) for name, text in ODD_TEXTS.items()})
rows("json", {
    "an empty map": post(json={}), "an empty list": post(json=[]), "nested": post(json={"a": [1, {"b": [None, True, False]}], "c": {}}), "order": post(json={"z": 1, "a": 2}), "of floats": post(json=[0.1, 1e100, -0.0, 1e-5, 123456789.123]),
    "of whole numbers": post(json=[0, -1, 2**63, 10**40]), "of controls": post(json="\u0000\u001f\u007f\u2028"), "with a type": post(json={}, headers={"Content-Type": "application/vnd.x+json"}), "of a get": at(json={"a": 1}),
    "of a half character": post(json="\ud83d"), "with params": at("/q", "post", json={"a": 1}, params={"b": 2}), "of a delete": at(method="delete", json=[1]), "a null name's value": post(json={"a": None})})

rows("headers", {f"a value of {name}": at(headers={"X-A": value}) for name, value in {**SCALARS, **ODD_TEXTS}.items()})
rows("headers", {f"a name of {name}": at(headers={text: "v"}) for name, text in ODD_TEXTS.items()})
rows("headers", {f"alone {name}": at(headers=value) for name, value in SCALARS.items()})
rows("headers", {
    "several": at(headers={"X-A": "1", "x-b": "2", "X-C": "3"}), "the same in two spellings": at(headers={"X-A": "1", "x-a": "2"}), "a leading blank": at(headers={"X-A": " v"}), "a trailing blank": at(headers={"X-A": "v "}),
    "a line break": at(headers={"X-A": "v\r\nX-B: w"}), "a user agent": at(headers={"User-Agent": "me/1.0"}), "no user agent": at(headers={"User-Agent": None}), "an empty user agent": at(headers={"User-Agent": ""}), "an accept": at(headers={"Accept": "text/html"}),
    "no accept": at(headers={"Accept": None}), "an encoding": at(headers={"Accept-Encoding": "br"}), "no encoding": at(headers={"Accept-Encoding": None}), "identity": at(headers={"accept-encoding": "identity"}), "a host": at(headers={"Host": "example.org"}),
    "a host and port": at(headers={"host": "example.org:81"}), "no host": at(headers={"Host": None}), "close": at(headers={"Connection": "close"}), "no connection": at(headers={"Connection": None}), "an expectation": post(data="b", headers={"X-Expect": "100"}),
    "a cookie": at(headers={"Cookie": "a=b; c=d"}), "an authorization": at(headers={"Authorization": "Bearer t"}), "a length of a get": at(headers={"Content-Length": "0"}), "pairs": at(headers=[["X-A", "1"], ["X-B", "2"]]),
    "a map as value": at(headers={"X-A": {"b": 1}}), "a list as value": at(headers={"X-A": ["1", "2"]}), "an empty map": at(headers={}), "an empty list": at(headers=[]), "a type without a body": at(headers={"Content-Type": "x/y"}),
    "a chunked body": post(data="b", headers={"Transfer-Encoding": "chunked"}), "a chunked nothing": at(headers={"transfer-encoding": "chunked"}), "a colon in the name": at(headers={"X:A": "1"}), "an accept language": at(headers={"Accept-Language": "de"}),
    "a traceparent": at(headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}), "an origin": at(headers={"Origin": "http://x"})})

rows("cookies", {f"a value of {name}": at(cookies={"k": value}) for name, value in {**SCALARS, **ODD_TEXTS}.items()})
rows("cookies", {f"alone {name}": at(cookies=value) for name, value in SCALARS.items()})
rows("cookies", {
    "two": at(cookies={"a": "1", "b": "2"}), "beside a header": at(cookies={"a": "1"}, headers={"Cookie": "c=d"}), "an empty map": at(cookies={}), "an empty list": at(cookies=[]), "a semicolon": at(cookies={"a": "b;c"}), "a comma": at(cookies={"a": "b,c"}),
    "quoted": at(cookies={"a": "\"b\""}), "quoted half": at(cookies={"a": "\"b"}), "an equals sign": at(cookies={"a": "b=c"}), "a list": at(cookies={"a": ["b"]}), "a name with a blank": at(cookies={"a b": "c"}), "a name with an equals sign": at(cookies={"a=b": "c"}),
    "in another order": at(cookies={"z": "1", "a": "2", "m": "3"}), "a name of é": at(cookies={"é": "v"})})

rows("files", {f"a text of {name}": post(files={"f": text}) for name, text in ODD_TEXTS.items()})
rows("files", {f"a field's name of {name}": post(files={text: "t"}) for name, text in ODD_TEXTS.items()})
rows("files", {f"a file's name of {name}": post(files={"f": [text, "t"]}) for name, text in ODD_TEXTS.items()})
rows("files", {f"alone {name}": post(files=value) for name, value in SCALARS.items()})
rows("files", {f"a file of {name}": post(files={"f": value}) for name, value in SCALARS.items()})
rows("files", {f"beside a form of {name}": post(files={"f": "t"}, data={"k": value}) for name, value in {**SCALARS, **ODD_TEXTS}.items()})
rows("files", {
    "name and text": post(files={"f": ["n.txt", "t"]}), "with a type": post(files={"f": ["n.txt", "t", "text/plain"]}), "with headers": post(files={"f": ["n", "t", "text/plain", {"X-A": "b"}]}), "a null name": post(files={"f": [None, "t"]}),
    "a null type": post(files={"f": ["n", "t", None]}), "a null text": post(files={"f": ["n", None]}), "two": post(files={"a": "1", "b": ["n", "2"]}), "pairs": post(files=[["a", "1"], ["a", ["n", "2"]]]), "beside json": post(files={"a": "1"}, json={"b": 2}),
    "beside a text": post(files={"a": "1"}, data="raw"), "beside pairs": post(files={"a": "1"}, data=[["k", "v"], ["k", "w"]]), "beside a list": post(files={"a": "1"}, data={"k": ["v", None, 2]}), "an empty map": post(files={}), "an empty list": post(files=[]),
    "an empty text": post(files={"a": ""}), "a long text": post(files={"a": "é" * 100_000}), "a type of its own": post(files={"a": "1"}, headers={"Content-Type": "multipart/form-data; boundary=me"}), "a type of another kind": post(files={"a": "1"}, headers={"Content-Type": "text/plain"}),
    "of a get": at(files={"a": "1"}), "one that is too short": post(files={"a": ["n"]}), "a folder in the name": post(files={"a": ["/tmp/x/n.txt", "t"]}), "a float in a form": post(files={"a": "1"}, data={"k": 1.5}), "beside nothing": post(files={"a": "1"}, data={})})

rows("auth", {f"alone {name}": at(auth=value) for name, value in SCALARS.items()})
rows("auth", {f"a password of {name}": at(auth=["user", text]) for name, text in ODD_TEXTS.items()})
rows("auth", {"a pair": at(auth=["u", "p"]), "beside a header": at(auth=["u", "p"], headers={"Authorization": "Bearer t"}), "an empty list": at(auth=[]), "three": at(auth=["a", "b", "c"]), "numbers": at(auth=[1, 2]), "a user with a colon": at(auth=["a:b", "c"])})

rows("timeout", {name: at(timeout=value) for name, value in {**SCALARS, "a pair": [3.05, 27], "a pair of null": [None, None], "half a pair": [3, None], "three": [1, 2, 3], "minus": -1, "small": 0.5}.items() if name not in ("a small float",)})
rows("allow_redirects", {name: at(allow_redirects=value) for name, value in SCALARS.items()})
rows("verify", {name: at(verify=value) for name, value in SCALARS.items()})
rows("stream", {name: at(stream=value) for name, value in SCALARS.items()})
rows("cert", {**{name: at(cert=value) for name, value in SCALARS.items()}, "a pair": at(cert=["/no/cert", "/no/key"])})
rows("hooks", {**{name: at(hooks=value) for name, value in SCALARS.items()}, "an empty map": at(hooks={}), "null in a map": at(hooks={"response": None}), "an empty list in a map": at(hooks={"response": []})})
rows("proxies", {**{name: at(proxies=value) for name, value in SCALARS.items()}, "an empty map": at(proxies={}), "null in a map": at(proxies={"http": None, "https": None}), "of another scheme": at(proxies={"ftp": "http://127.0.0.1:1"})})
rows("moved", {f"{method} {status}": at(f"/moved/{status}/elsewhere", method, **({} if method in ("get", "head") else {"data": "body"}), headers={"X-A": "b"})
               for status in (301, 302, 303, 307, 308) for method in ("get", "post", "put", "patch", "delete", "options", "head")})
# What an answer's Location says: HOST is the server's own.
rows("moved to", {location: at(f"/moved/to-{location.encode().hex()}/x") for location in (
    "/%7Ex?y=%7e", "/%7Ex%", "/%2Fx%", "/%zz%7E", "http://HOST/a/../b?", "http://HOST/%7E/./x", "//HOST/./%c3%bc", "http://HOST", "http://HOST?a=b", "/a//b/../c", "c d", "../../c/", ".", "c//d",
    "?r#s", "b?", "/a;x/../b;y?z", "x//", "../../../z", "/a b?c d", "/é?é=é", "/[a]{b}|^`", "/x?y=/../z", "/100%?a=100%")})
rows("moved", {f"{what}, {where}": at(f"/moved/302/{where}", **kwargs) for where in ("here", "elsewhere") for what, kwargs in {
    "cookies": {"cookies": {"a": "b"}}, "a cookie's header": {"headers": {"Cookie": "a=b"}}, "an authorization": {"headers": {"Authorization": "x"}}, "a user": {"auth": ["u", "p"]},
    "params": {"params": {"a": "b"}}}.items()})
rows("all null", {"one": at(**dict.fromkeys("params data json headers cookies files auth timeout allow_redirects proxies hooks stream verify cert".split()))})
rows("all false", {"one": at(**dict.fromkeys("params data headers cookies files auth timeout allow_redirects proxies stream verify cert".split(), False))})
rows("unknown", {"an argument": at(body="x"), "a misspelt one": at(header={"a": "b"})})
