"""What a person sees when everything is ready."""

from __future__ import annotations

from .plan import SERVICES, Plan


def banner(plan: Plan, took: float) -> str:
    """Where everything is, and what to try."""

    def url(service: str) -> str:
        return f"http://localhost:{SERVICES[service][1] + plan.offset}"

    extra = [f"{count} x {name}" for name, count in plan.counts.items() if count != 1]
    kept = "kept" if plan.keeps_data else "in memory"
    store = f"{plan.store} store, {kept}" if plan.own_store else "your MongoDB"
    again = f"PORT_OFFSET={plan.offset} " if plan.offset else ""
    counts = f"\n     Instances   {', '.join(extra)}" if extra else ""
    return f"""
  Comptoir on Kafka and MongoDB   ready in {took:.1f} s   {store}

     Live page   {url("logs-service")}     press Pay and watch it travel
     Topics      {url("console-service")}     records, groups, lag
     Users       {url("users-service")}
     Payments    {url("payments-service")}
     Stock       {url("inventories-service")}/stock
     Kafka       {plan.kafka_brokers}{counts}

  Try it:
     curl -X POST -d "username=alice&password=secret" {url("users-service")}/register
     curl -X POST -d "username=alice&password=secret" {url("users-service")}/login
     curl -X POST {url("payments-service")}/pay

  All output: {plan.data / "up.log"}   Processes: {again}deploy/local/ctl ps
  Ctrl-C or `{again}just down-local` stops.

"""
