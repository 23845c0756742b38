"""Events as payments-service writes them, a line each: key, tab, CloudEvent. For `kcat -P -K`.

python3 events.py NUMBER [SEED]
"""

import random
import sys
import time
import uuid

HEADER = "content-type=application/cloudevents+json"
_EVENT = (
    '{{"specversion":"1.0","id":"{id}","source":"payments-service",'
    '"type":"comptoir.payment.requested.v1","subject":"{payment}","time":"{time}",'
    '"datacontenttype":"application/json","traceparent":"00-{trace}-{span}-01",'
    '"correlationid":"{correlation}","data":{{"payment_id":"{payment}","sku":"coffee-mug",'
    '"quantity":1,"amount":1999,"currency":"EUR"}}}}'
)


def main(number: int, seed: int) -> None:
    numbers = random.Random(seed)
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())

    def new_id() -> str:
        return str(uuid.UUID(int=numbers.getrandbits(128), version=4))

    for _ in range(number):
        payment = new_id()
        event = _EVENT.format(
            id=new_id(), payment=payment, time=now, correlation=new_id(),
            trace=f"{numbers.getrandbits(128):032x}", span=f"{numbers.getrandbits(64):016x}",
        )
        sys.stdout.write(f"{payment}\t{event}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
