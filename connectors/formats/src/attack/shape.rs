//! Actions and sequences as GuardDuty writes them (camelCase) and as ASFF does (PascalCase). No rules.

use serde::Deserialize;

use crate::lenient::{Flag, List, Number, Part, Text};

/// Entries of every list below.
const MOST: usize = 32;

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Action<'a> {
    #[serde(rename = "actionType", alias = "ActionType")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "awsApiCallAction", alias = "AwsApiCallAction")]
    pub(super) call: Part<Call<'a>>,
    #[serde(rename = "networkConnectionAction", alias = "NetworkConnectionAction")]
    pub(super) connection: Part<Connection<'a>>,
    #[serde(rename = "dnsRequestAction", alias = "DnsRequestAction")]
    pub(super) dns: Part<Dns<'a>>,
    #[serde(rename = "portProbeAction", alias = "PortProbeAction")]
    pub(super) probe: Part<Probe<'a>>,
    #[serde(rename = "kubernetesApiCallAction", alias = "KubernetesApiCallAction")]
    pub(super) kubernetes: Part<Kubernetes<'a>>,
    #[serde(rename = "rdsLoginAttemptAction", alias = "RdsLoginAttemptAction")]
    pub(super) login: Part<Login<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Call<'a> {
    #[serde(rename = "api", alias = "Api")]
    pub(super) api: Text<'a>,
    #[serde(rename = "serviceName", alias = "ServiceName")]
    pub(super) service: Text<'a>,
    #[serde(rename = "callerType", alias = "CallerType")]
    pub(super) caller: Text<'a>,
    #[serde(rename = "errorCode", alias = "ErrorCode")]
    pub(super) error: Text<'a>,
    #[serde(rename = "userAgent", alias = "UserAgent")]
    pub(super) agent: Text<'a>,
    #[serde(rename = "remoteIpDetails", alias = "RemoteIpDetails")]
    pub(super) remote: Part<RemoteIp<'a>>,
    #[serde(rename = "remoteAccountDetails", alias = "RemoteAccountDetails")]
    pub(super) account: Part<RemoteAccount<'a>>,
    #[serde(rename = "domainDetails", alias = "DomainDetails")]
    pub(super) domain: Part<Domain<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RemoteAccount<'a> {
    #[serde(rename = "accountId", alias = "AccountId")]
    pub(super) id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Domain<'a> {
    #[serde(rename = "domain", alias = "Domain")]
    pub(super) domain: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Connection<'a> {
    #[serde(rename = "connectionDirection", alias = "ConnectionDirection")]
    pub(super) direction: Text<'a>,
    #[serde(rename = "protocol", alias = "Protocol")]
    pub(super) protocol: Text<'a>,
    #[serde(rename = "blocked", alias = "Blocked")]
    pub(super) blocked: Flag,
    #[serde(rename = "remoteIpDetails", alias = "RemoteIpDetails")]
    pub(super) remote: Part<RemoteIp<'a>>,
    #[serde(rename = "remotePortDetails", alias = "RemotePortDetails")]
    pub(super) remote_port: Part<Port>,
    #[serde(rename = "localPortDetails", alias = "LocalPortDetails")]
    pub(super) local_port: Part<Port>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Dns<'a> {
    #[serde(rename = "domain", alias = "Domain")]
    pub(super) domain: Text<'a>,
    #[serde(rename = "protocol", alias = "Protocol")]
    pub(super) protocol: Text<'a>,
    #[serde(rename = "blocked", alias = "Blocked")]
    pub(super) blocked: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Probe<'a> {
    #[serde(rename = "blocked", alias = "Blocked")]
    pub(super) blocked: Flag,
    #[serde(rename = "portProbeDetails", alias = "PortProbeDetails")]
    pub(super) probes: List<Part<Probed<'a>>, MOST>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Probed<'a> {
    #[serde(rename = "localPortDetails", alias = "LocalPortDetails")]
    pub(super) local_port: Part<Port>,
    #[serde(rename = "remoteIpDetails", alias = "RemoteIpDetails")]
    pub(super) remote: Part<RemoteIp<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Kubernetes<'a> {
    #[serde(rename = "requestUri", alias = "RequestUri")]
    pub(super) uri: Text<'a>,
    #[serde(rename = "verb", alias = "Verb")]
    pub(super) verb: Text<'a>,
    #[serde(rename = "remoteIpDetails", alias = "RemoteIpDetails")]
    pub(super) remote: Part<RemoteIp<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Login<'a> {
    #[serde(rename = "remoteIpDetails", alias = "RemoteIpDetails")]
    pub(super) remote: Part<RemoteIp<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Port {
    #[serde(rename = "port", alias = "Port")]
    pub(super) port: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RemoteIp<'a> {
    #[serde(rename = "ipAddressV4", alias = "IpAddressV4")]
    pub(super) v4: Text<'a>,
    #[serde(rename = "ipAddressV6", alias = "IpAddressV6")]
    pub(super) v6: Text<'a>,
    #[serde(rename = "country", alias = "Country")]
    pub(super) country: Part<Country<'a>>,
    #[serde(rename = "city", alias = "City")]
    pub(super) city: Part<City<'a>>,
    #[serde(rename = "geoLocation", alias = "GeoLocation")]
    pub(super) place: Part<Place>,
    #[serde(rename = "organization", alias = "Organization")]
    pub(super) network: Part<Network<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Country<'a> {
    #[serde(rename = "countryName", alias = "CountryName")]
    pub(super) name: Text<'a>,
    #[serde(rename = "countryCode", alias = "CountryCode")]
    pub(super) code: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct City<'a> {
    #[serde(rename = "cityName", alias = "CityName")]
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    #[serde(rename = "lat", alias = "Lat")]
    pub(super) lat: Number,
    #[serde(rename = "lon", alias = "Lon")]
    pub(super) lon: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Network<'a> {
    #[serde(rename = "asn", alias = "Asn")]
    pub(super) asn: Text<'a>,
    #[serde(rename = "asnOrg", alias = "AsnOrg")]
    pub(super) name: Text<'a>,
    #[serde(rename = "isp", alias = "Isp")]
    pub(super) isp: Text<'a>,
    #[serde(rename = "org", alias = "Org")]
    pub(super) org: Text<'a>,
}

/// What an attack sequence was put together of.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Detection<'a> {
    #[serde(rename = "sequence", alias = "Sequence")]
    pub(crate) sequence: Part<Sequence<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Sequence<'a> {
    #[serde(rename = "resources", alias = "Resources")]
    pub(crate) resources: List<Part<Member<'a>>, MOST>,
    #[serde(rename = "actors", alias = "Actors")]
    pub(super) actors: List<Part<SequenceActor<'a>>, MOST>,
    #[serde(rename = "endpoints", alias = "Endpoints")]
    pub(super) endpoints: List<Part<Endpoint<'a>>, MOST>,
    #[serde(rename = "signals", alias = "Signals")]
    pub(super) signals: List<Part<Signal<'a>>, MOST>,
    #[serde(rename = "sequenceIndicators", alias = "SequenceIndicators")]
    pub(super) indicators: List<Part<Indicator<'a>>, MOST>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Member<'a> {
    #[serde(rename = "uid", alias = "Uid")]
    pub(crate) uid: Text<'a>,
    #[serde(rename = "resourceType", alias = "ResourceType")]
    pub(crate) kind: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct SequenceActor<'a> {
    #[serde(rename = "user", alias = "User")]
    pub(super) user: Part<User<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct User<'a> {
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
    #[serde(rename = "uid", alias = "Uid")]
    pub(super) uid: Text<'a>,
    #[serde(rename = "type", alias = "Type")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "credentialUid", alias = "CredentialUid")]
    pub(super) credential: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Endpoint<'a> {
    #[serde(rename = "ip", alias = "Ip")]
    pub(super) ip: Text<'a>,
    #[serde(rename = "domain", alias = "Domain")]
    pub(super) domain: Text<'a>,
    #[serde(rename = "port", alias = "Port")]
    pub(super) port: Number,
    #[serde(rename = "location", alias = "Location")]
    pub(super) location: Part<Location<'a>>,
    #[serde(rename = "autonomousSystem", alias = "AutonomousSystem")]
    pub(super) network: Part<System<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Location<'a> {
    #[serde(rename = "country", alias = "Country")]
    pub(super) country: Text<'a>,
    #[serde(rename = "city", alias = "City")]
    pub(super) city: Text<'a>,
    #[serde(rename = "lat", alias = "Lat")]
    pub(super) lat: Number,
    #[serde(rename = "lon", alias = "Lon")]
    pub(super) lon: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct System<'a> {
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
    #[serde(rename = "number", alias = "Number")]
    pub(super) number: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Signal<'a> {
    #[serde(rename = "type", alias = "Type")]
    pub(super) kind: Text<'a>,
    /// GuardDuty's word for it, ASFF's being `Title`.
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
    #[serde(rename = "Title", alias = "title")]
    pub(super) title: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Indicator<'a> {
    #[serde(rename = "key", alias = "Key")]
    pub(super) key: Text<'a>,
    #[serde(rename = "values", alias = "Values")]
    pub(super) values: List<Text<'a>, MOST>,
}
