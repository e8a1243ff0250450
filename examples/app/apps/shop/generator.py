# A visitor of a shop: looks at some articles, then buys one. Run once for each client, so that each
# visitor has a basket of his own. `context` is there already.
import random

random.seed(context.parameters.get("seed"))
basket = []


def next_request():
    article = random.randrange(context.manifest["articles"])
    if len(basket) < 3:
        basket.append(article)
        return "get", f"/articles/{article}", {"headers": {"X-Visitor": context.parameters["visitor"]}}
    bought = list(basket)
    basket.clear()
    return "post", "/orders", {"json": {"articles": bought, "visitor": context.parameters["visitor"]}}
