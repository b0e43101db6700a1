#!/usr/bin/env python3
"""Records the replies that the AWS stand-in serves for the resources of the bundled estate.

Seeds an empty moto server with the three accounts of the estate, asks it over plain HTTP what poamd's
watches ask, and writes each reply, unchanged but for the marks below, to recorded/<account>.json, and
what was laid down (with the weaknesses it has) to inventory.json. Needs moto[server] 5.2.5 and boto3,
and a moto whose clock can be set back (POST /_clock?days=N), for old access keys:

    python record.py --endpoint http://127.0.0.1:5555 [--out .]

Changes made to the replies:
 * a time becomes {{ago:SECONDS}} (before the `now` that the estate is made with), to the day;
 * the partition in GovCloud ARNs (moto writes arn:aws: into SecurityGroupArn everywhere);
 * access key ids become AKIAEXAMPLE…, so that no scanner takes them for real ones; user ids get AWS's form;
 * the document in GetPolicyVersion is URL-encoded, as AWS has it; buckets, which ignore moto's clock, are 400 days old;
 * PolicyName and PolicyId, which moto leaves out of managed policies in
   GetAccountAuthorizationDetails and AWS does not.
"""
import argparse
import datetime as dt
import html
import json
import pathlib
import re
import urllib.error
import urllib.parse
import urllib.request

import boto3

ROLE = "poamd-audit"
XMLNS_EC2 = "2016-11-15"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def read_only(*actions):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def tcp(low, high, v4=(), v6=()):
    return {
        "IpProtocol": "tcp", "FromPort": low, "ToPort": high,
        "IpRanges": [{"CidrIp": cidr, "Description": text} for cidr, text in v4],
        "Ipv6Ranges": [{"CidrIpv6": cidr, "Description": text} for cidr, text in v6],
    }


SSH, S3E, KEY, ALL = (
    "securitygroup-ssh-open-to-world", "s3-bucket-without-default-encryption",
    "iamuser-access-key-older-than-90-days", "policy-allows-everything",
)
WORLD, WORLD6 = "0.0.0.0/0", "::/0"

ESTATE = [
    {
        "account": "111122223333", "partition": "aws",
        "groups": [
            ("us-east-1", "bastion-legacy", "Old bastion, kept for the night shift", [tcp(22, 22, [(WORLD, "night shift")])], [SSH]),
            ("us-east-1", "claims-web", "Public web tier", [tcp(443, 443, [(WORLD, "https")], [(WORLD6, "https")]), tcp(80, 80, [(WORLD, "redirect")])], []),
            ("us-east-1", "claims-app", "Application tier", [tcp(8443, 8443, [("10.20.0.0/16", "from the web tier")])], []),
            ("us-west-2", "claims-dr-app", "Application tier, standby", [tcp(8443, 8443, [("10.21.0.0/16", "from the web tier")])], []),
            ("us-west-2", "game-telemetry", "UDP 22 is not SSH", [{**tcp(22, 22, [(WORLD, "telemetry")]), "IpProtocol": "udp"}], []),
        ],
        "buckets": [
            ("us-east-1", "acme-claims-exports", None, [S3E]),
            ("us-east-1", "acme-claims-audit-logs", "AES256", []),
            ("us-west-2", "acme-claims-dr", "aws:kms", []),
        ],
        "users": [
            ("ci-deployer", [(200, True)], False, False, [KEY]),
            ("alice", [(60, True)], True, True, []),
            ("break-glass", [(300, False)], True, False, []),
        ],
        "policies": [
            ("claims-read", [read_only("s3:GetObject", "s3:ListBucket")], []),
            ("allow-everything-temporary", [EVERYTHING], [ALL]),
        ],
    },
    {
        "account": "444455556666", "partition": "aws",
        "groups": [
            ("us-east-1", "dev-jump", "Jump host of the developers", [tcp(22, 22, [("198.51.100.0/24", "office"), (WORLD, "home office")])], [SSH]),
            ("us-east-1", "dev-vpn", "VPN endpoint", [{**tcp(1194, 1194, [(WORLD, "vpn")]), "IpProtocol": "udp"}], []),
            ("us-west-2", "loadtest", "Load generators", [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": WORLD6, "Description": "anything"}]}], [SSH]),
        ],
        "buckets": [
            ("us-east-1", "acme-dev-scratch", None, [S3E]),
            ("us-west-2", "acme-dev-artifacts", "AES256", []),
        ],
        "users": [
            ("dev-builder", [(150, True), (10, True)], False, False, [KEY]),
            ("bob", [(30, True)], True, True, []),
        ],
        "policies": [
            ("dev-compute", [read_only("ec2:*", "ecs:*")], []),
            ("dev-once-everything", [EVERYTHING, read_only("ec2:Describe*")], []),
        ],
    },
    {
        "account": "777788889999", "partition": "aws-us-gov",
        "groups": [
            ("us-gov-west-1", "gov-bastion", "Bastion, agency network only", [tcp(22, 22, [("10.0.0.0/8", "agency")])], []),
            ("us-gov-west-1", "gov-legacy-sftp", "File drop of the old case system", [tcp(20, 4000, [(WORLD, "partners")])], [SSH]),
            ("us-gov-west-1", "gov-records-db", "Database tier", [tcp(5432, 5432, [("10.30.0.0/16", "application tier")])], []),
        ],
        "buckets": [
            ("us-gov-west-1", "acme-gov-records", "aws:kms", []),
            ("us-gov-west-1", "acme-gov-intake", None, [S3E]),
        ],
        "users": [
            ("svc-legacy-ftp", [(140, True)], False, False, [KEY]),
            ("gina", [(20, True)], True, True, []),
        ],
        "policies": [
            ("gov-read", [read_only("ec2:Describe*", "s3:List*")], []),
            ("gov-break-glass-all", [EVERYTHING], [ALL]),
        ],
    },
]

BUCKET_PARTS = {
    "GetBucketLocation": "location", "GetBucketEncryption": "encryption", "GetPublicAccessBlock": "publicAccessBlock",
    "GetBucketVersioning": "versioning", "GetBucketAcl": "acl", "GetBucketPolicy": "policy",
    "GetBucketPolicyStatus": "policyStatus", "GetBucketLogging": "logging", "GetBucketTagging": "tagging",
}


class Account:
    def __init__(self, endpoint, spec, serial):
        self.endpoint, self.spec, self.serial = endpoint, spec, serial
        self.id, self.partition = spec["account"], spec["partition"]
        self.home = "us-gov-west-1" if self.partition == "aws-us-gov" else "us-east-1"
        sts = boto3.client("sts", region_name=self.home, endpoint_url=endpoint, aws_access_key_id="testing", aws_secret_access_key="testing")
        arn = f"arn:{self.partition}:iam::{self.id}:role/{ROLE}"
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="record")["Credentials"]
        self.keys = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"], "aws_session_token": keys["SessionToken"]}
        self.replies, self.inventory, self.renames = [], [], {}

    def client(self, service, region=None):
        return boto3.client(service, region_name=region or self.home, endpoint_url=self.endpoint, **self.keys)

    def clock(self, days):
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/_clock?days={days}", method="POST")).read()

    def note(self, technology, region, name, native_id, arn, weak):
        self.inventory.append({"technology": technology, "region": region, "name": name, "id": native_id, "arn": arn, "weak": weak})

    # -- laying down ------------------------------------------------------------------------------
    def seed(self):
        self.clock(400)
        iam = self.client("iam")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:{self.partition}:iam::999900001111:root"},
                 "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": f"poamd-{self.id}"}}}]}
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        for region, name, text, rules, weak in self.spec["groups"]:
            ec2 = self.client("ec2", region)
            vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
            tags = [{"ResourceType": "security-group", "Tags": [{"Key": "system", "Value": name.split("-")[0]}]}]
            group = ec2.create_security_group(GroupName=name, Description=text, VpcId=vpc, TagSpecifications=tags)["GroupId"]
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
            self.note("securitygroup", region, name, group, f"arn:{self.partition}:ec2:{region}:{self.id}:security-group/{group}", weak)
        for region in sorted({group[0] for group in self.spec["groups"]}):
            for group in self.client("ec2", region).describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]:
                gid = group["GroupId"]
                self.note("securitygroup", region, "default", gid, f"arn:{self.partition}:ec2:{region}:{self.id}:security-group/{gid}", [])
        for bucket in self.spec["buckets"]:
            self.seed_bucket(*bucket)
        for user in self.spec["users"]:
            self.seed_user(iam, *user)
        for name, documents, weak in self.spec["policies"]:
            arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(documents[0]))["Policy"]["Arn"]
            for document in documents[1:]:
                iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
            self.note("policy", "global", name, arn, arn, weak)
        self.clock(0)

    def seed_bucket(self, region, name, encryption, weak):
        s3 = self.client("s3", region)
        s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}))
        if encryption:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": encryption}}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(
                ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True))
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "system", "Value": name.split("-")[1]}]})
        self.note("s3", region, name, name, f"arn:{self.partition}:s3:::{name}", weak)

    def seed_user(self, iam, name, keys, console, mfa, weak):
        iam.create_user(UserName=name)
        if console:
            iam.create_login_profile(UserName=name, Password="Recorded-2026!")
        if mfa:
            serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
            iam.enable_mfa_device(UserName=name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321")
        if not console:
            iam.put_user_policy(UserName=name, PolicyName="publish", PolicyDocument=json.dumps(read_only("s3:PutObject")))
        for days, active in keys:
            self.clock(days)
            key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
            self.renames[key] = f"AKIAEXAMPLE{self.serial:d}{len(self.renames):08d}"
            if not active:
                iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
        self.clock(400)
        self.note("iamuser", "global", name, name, f"arn:{self.partition}:iam::{self.id}:user/{name}", weak)

    # -- asking -----------------------------------------------------------------------------------
    def ask(self, service, region, method, path, form=None):
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.keys['aws_access_key_id']}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            "X-Amz-Security-Token": self.keys["aws_session_token"],
        }
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            reply = urllib.request.urlopen(urllib.request.Request(self.endpoint + path, data=data, method=method, headers=headers))
        except urllib.error.HTTPError as refusal:
            reply = refusal
        return reply.status, reply.read().decode()

    def keep(self, service, region, operation, key, status, body):
        for old, new in self.renames.items():
            body = body.replace(old, new)
            key = {name: value.replace(old, new) for name, value in key.items()}
        if self.partition != "aws":
            body = body.replace("arn:aws:", f"arn:{self.partition}:")
        body = re.sub(r">\s+<", "><", body.strip())
        body = re.sub(r"<UserId>(\w+)</UserId>", lambda id: f"<UserId>AIDAEXAMPLE{id[1][:10].upper()}</UserId>", body)
        body = re.sub(r"<Document>(\{.*?\})</Document>", lambda text: f"<Document>{urllib.parse.quote(html.unescape(text[1]), safe='')}</Document>", body)
        body = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)", self.ago, body)
        self.replies.append({"service": service, "region": region, "operation": operation, "key": key, "status": status, "body": body})

    def ago(self, found):
        when = dt.datetime.fromisoformat(found[0].replace("Z", "+00:00"))
        days = round((dt.datetime.now(dt.timezone.utc) - when).total_seconds() / 86400)
        return "{{ago:%d}}" % ((days or 400) * 86400)

    def query(self, service, region, operation, version, **key):
        form = {"Action": operation, "Version": version, **key}
        status, body = self.ask(service, region, "POST", "/", form)
        if operation == "GetAccountAuthorizationDetails":
            body = re.sub(r"<member>(\s*)<Arn>([^<]*:policy/([^<]+))</Arn>",
                          r"<member>\1<PolicyName>\3</PolicyName><PolicyId>ANPAEXAMPLE0\3</PolicyId><Arn>\2</Arn>", body) if "<PolicyName></PolicyName>" not in body else body
            key = {}
        self.keep(service, region, operation, key, status, body)

    def record(self):
        for region in sorted({group[0] for group in self.spec["groups"]}):
            self.query("ec2", region, "DescribeSecurityGroups", XMLNS_EC2)
        iam = lambda operation, **key: self.query("iam", self.home, operation, "2010-05-08", **key)
        wanted = {f"Filter.member.{i + 1}": word for i, word in enumerate(["User", "Group", "Role", "LocalManagedPolicy"])}
        iam("GetAccountAuthorizationDetails", **wanted)
        iam("ListUsers")
        client = self.client("iam")
        for name, *_ in self.spec["users"]:
            for operation in ["GetUser", "ListAccessKeys", "ListUserPolicies", "ListAttachedUserPolicies", "ListMFADevices", "GetLoginProfile", "ListGroupsForUser"]:
                iam(operation, UserName=name)
            for key in client.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                iam("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])
            for policy in client.list_user_policies(UserName=name)["PolicyNames"]:
                iam("GetUserPolicy", UserName=name, PolicyName=policy)
        iam("ListPolicies", Scope="Local")
        for policy in client.list_policies(Scope="Local")["Policies"]:
            iam("GetPolicy", PolicyArn=policy["Arn"])
            for version in client.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]:
                iam("GetPolicyVersion", PolicyArn=policy["Arn"], VersionId=version["VersionId"])
        status, body = self.ask("s3", self.home, "GET", "/")
        self.keep("s3", self.home, "ListBuckets", {}, status, body)
        for region, name, *_ in self.spec["buckets"]:
            for operation, part in BUCKET_PARTS.items():
                status, body = self.ask("s3", region, "GET", f"/{name}?{part}")
                self.keep("s3", region, operation, {"Bucket": name}, status, body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--out", default=str(pathlib.Path(__file__).parent))
    args = parser.parse_args()
    out = pathlib.Path(args.out)
    urllib.request.urlopen(urllib.request.Request(f"{args.endpoint}/moto-api/reset", method="POST")).read()
    urllib.request.urlopen(urllib.request.Request(f"{args.endpoint}/moto-api/seed?a=42", method="POST")).read()
    inventory = {}
    for serial, spec in enumerate(ESTATE):
        account = Account(args.endpoint, spec, serial)
        account.seed()
        account.record()
        (out / "recorded").mkdir(exist_ok=True)
        (out / "recorded" / f"{account.id}.json").write_text(json.dumps(account.replies, indent=1) + "\n")
        inventory[account.id] = account.inventory
        print(account.id, len(account.replies), "replies", sum(reply["status"] >= 500 for reply in account.replies), "errors of the emulator")
    (out / "inventory.json").write_text(json.dumps(inventory, indent=1) + "\n")


if __name__ == "__main__":
    main()
