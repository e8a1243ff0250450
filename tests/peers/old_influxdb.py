"""The original package's InfluxDB driver, for the test beside it: `old_influxdb.py write|read PORT TOKEN ORG ORG_ID EXP_ID`.
Rows as JSON on stdin and stdout, by table."""
import json
import sys

from galileodb.factory import create_influxdb_from_env
from galileodb.model import ExperimentEvent, RequestTrace, Telemetry


def main(order, port, token, org, org_id, exp_id):
    database = create_influxdb_from_env({
        "galileo_expdb_influxdb_url": f"http://127.0.0.1:{port}", "galileo_expdb_influxdb_token": token,
        "galileo_expdb_influxdb_org": org, "galileo_expdb_influxdb_org_id": org_id})
    database.open()
    if order == "write":
        rows = json.load(sys.stdin)
        database.client.buckets_api().create_bucket(bucket_name=exp_id, org_id=org_id)  # as its mixed driver does
        database.save_traces([RequestTrace(**row, exp_id=exp_id) for row in rows["traces"]])
        database.save_telemetry([Telemetry(**row, exp_id=exp_id) for row in rows["telemetry"]])
        database.save_events([ExperimentEvent(**row, exp_id=exp_id) for row in rows["events"]])
    else:
        json.dump({"traces": [row._asdict() for row in database.get_traces(exp_id)],
                   "telemetry": [row._asdict() for row in database.get_telemetry(exp_id)],
                   "events": [row._asdict() for row in database.get_events(exp_id)]}, sys.stdout)
    database.close()


main(*sys.argv[1:])
