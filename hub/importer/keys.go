package importer

import (
	"strconv"
	"strings"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// action applies the value of a ConfigMap key.
type action func(im *importer, in input) error

// text applies a scalar.
func text(set func(s *v1alpha1.Spec, v string)) action {
	return func(im *importer, in input) error {
		v, err := in.text()
		if err == nil && v != "" {
			set(&im.c.Spec, v)
		}
		return err
	}
}

// boolean applies true or false; unreadable is what AKO takes anything else for.
func boolean(unreadable bool, set func(s *v1alpha1.Spec, v bool)) action {
	return func(im *importer, in input) error {
		v, err := im.boolean(in, unreadable)
		if err == nil {
			set(&im.c.Spec, v)
		}
		return err
	}
}

// choice applies one of AKO's words; other is what AKO takes any other word for.
func choice[T ~string](words map[string]T, other T, set func(s *v1alpha1.Spec, v T)) action {
	return func(im *importer, in input) error {
		word, err := in.text()
		if err != nil {
			return err
		}
		v, ok := words[word]
		if !ok {
			v = other
			im.note("%s is %q, which AKO does not know; it then behaves as with %s, and so does the registration", in.path, word, other)
		}
		set(&im.c.Spec, v)
		return nil
	}
}

var shardWords = map[string]v1alpha1.ShardSize{
	"LARGE": v1alpha1.ShardLarge, "MEDIUM": v1alpha1.ShardMedium, "SMALL": v1alpha1.ShardSmall, "DEDICATED": v1alpha1.ShardDedicated,
}

var passthroughWords = map[string]v1alpha1.ShardSize{
	"LARGE": v1alpha1.ShardLarge, "MEDIUM": v1alpha1.ShardMedium, "SMALL": v1alpha1.ShardSmall,
}

// networkKeys are the keys of the entries of AKO's network lists.
var networkKeys = map[string]bool{"networkName": true, "networkUUID": true, "cidr": true, "v6cidr": true, "cidrs": true}

// actions are the ConfigMap keys that a registration carries (l4-infra.md §2.1).
var actions = map[string]action{
	"clusterName": text(func(s *v1alpha1.Spec, v string) { s.Naming.ClusterName = v }),
	"primaryInstance": func(im *importer, in input) error {
		primary, err := im.boolean(in, true)
		if err != nil || primary {
			return err
		}
		ns := im.namespace
		if im.helm || ns == "" {
			ns = "avi-system"
			im.note("%s is false: AKO's namespace is part of its objects' names; spec.naming.secondaryNamespace assumes %s, put the true one there", in.path, ns)
		}
		im.c.Spec.Naming.SecondaryNamespace = ns
		return nil
	},

	"cloudName":              text(func(s *v1alpha1.Spec, v string) { s.Cloud = v }),
	"tenantName":             text(func(s *v1alpha1.Spec, v string) { s.Tenant.Name = v }),
	"dedicatedTenantMode":    boolean(false, func(s *v1alpha1.Spec, v bool) { s.Tenant.Dedicated = v }),
	"serviceEngineGroupName": text(func(s *v1alpha1.Spec, v string) { s.ServiceEngineGroup = v }),
	"vrfName":                text(func(s *v1alpha1.Spec, v string) { s.VRF = v }),

	"defaultIngController": boolean(true, func(s *v1alpha1.Spec, v bool) { s.Ingress.DefaultController = v }),
	"enableEVH": boolean(false, func(s *v1alpha1.Spec, v bool) {
		if v {
			s.Ingress.Mode = v1alpha1.IngressEVH
		}
	}),
	"shardVSSize":           choice(shardWords, v1alpha1.ShardSmall, func(s *v1alpha1.Spec, v v1alpha1.ShardSize) { s.Ingress.ShardSize = v }),
	"passthroughShardSize":  choice(passthroughWords, v1alpha1.ShardSmall, func(s *v1alpha1.Spec, v v1alpha1.ShardSize) { s.Ingress.PassthroughShardSize = v }),
	"noPGForSNI":            boolean(false, func(s *v1alpha1.Spec, v bool) { s.Ingress.PoolGroupsForSNI = !v }),
	"vipPerNamespace":       boolean(false, func(s *v1alpha1.Spec, v bool) { s.Ingress.VIPPerNamespace = v }),
	"useDefaultSecretsOnly": boolean(false, func(s *v1alpha1.Spec, v bool) { s.Ingress.DefaultSecretsOnly = v }),
	"fqdnReusePolicy": func(im *importer, in input) error {
		v, err := in.text()
		if strings.EqualFold(v, string(v1alpha1.FQDNReuseStrict)) {
			im.c.Spec.Ingress.FQDNReuse = v1alpha1.FQDNReuseStrict
		}
		return err
	},

	"defaultLBController": boolean(true, func(s *v1alpha1.Spec, v bool) { s.Services.DefaultController = v }),
	"layer7Only":          boolean(false, func(s *v1alpha1.Spec, v bool) { s.Services.Layer7Only = v }),
	"autoFQDN": choice(map[string]v1alpha1.AutoFQDN{
		"default": v1alpha1.AutoFQDNDefault, "flat": v1alpha1.AutoFQDNFlat, "disabled": v1alpha1.AutoFQDNDisabled,
	}, v1alpha1.AutoFQDNDisabled, func(s *v1alpha1.Spec, v v1alpha1.AutoFQDN) { s.Services.AutoFQDN = v }),
	"defaultDomain": text(func(s *v1alpha1.Spec, v string) { s.Services.DefaultDomain = v }),

	"serviceType": choice(map[string]v1alpha1.BackendType{
		"ClusterIP": v1alpha1.BackendClusterIP, "NodePort": v1alpha1.BackendNodePort, "NodePortLocal": v1alpha1.BackendNodePortLocal,
	}, v1alpha1.BackendClusterIP, func(s *v1alpha1.Spec, v v1alpha1.BackendType) { s.Backends.Type = v }),
	"nodeKey":   text(func(s *v1alpha1.Spec, v string) { s.Backends.NodeSelector.Key = v }),
	"nodeValue": text(func(s *v1alpha1.Spec, v string) { s.Backends.NodeSelector.Value = v }),

	"vipNetworkList": func(im *importer, in input) error {
		var nets []struct {
			Name   string `yaml:"networkName"`
			UUID   string `yaml:"networkUUID"`
			CIDR   string `yaml:"cidr"`
			V6CIDR string `yaml:"v6cidr"`
		}
		err := im.list(in, &nets)
		for _, n := range nets {
			im.c.Spec.Network.VIPNetworks = append(im.c.Spec.Network.VIPNetworks, v1alpha1.VIPNetwork(n))
		}
		return err
	},
	"nodeNetworkList": func(im *importer, in input) error {
		var nets []struct {
			Name  string   `yaml:"networkName"`
			UUID  string   `yaml:"networkUUID"`
			CIDRs []string `yaml:"cidrs"`
		}
		err := im.list(in, &nets)
		for _, n := range nets {
			im.c.Spec.Network.NodeNetworks = append(im.c.Spec.Network.NodeNetworks, v1alpha1.NodeNetwork(n))
		}
		return err
	},
	"bgpPeerLabels":          func(im *importer, in input) error { return im.list(in, &im.c.Spec.Network.BGPPeerLabels) },
	"enableRHI":              boolean(false, func(s *v1alpha1.Spec, v bool) { s.Network.RHI = v }),
	"ipFamily":               text(func(s *v1alpha1.Spec, v string) { s.Network.IPFamily = v1alpha1.IPFamily(v) }),
	"nsxtT1LR":               text(func(s *v1alpha1.Spec, v string) { s.Network.NSXTTier1 = v }),
	"vpcMode":                boolean(false, func(s *v1alpha1.Spec, v bool) { s.Network.VPCMode = v }),
	"disableStaticRouteSync": boolean(false, func(s *v1alpha1.Spec, v bool) { s.Network.StaticRoutes.Sync = !v }),
	"cniPlugin":              text(func(s *v1alpha1.Spec, v string) { s.Network.StaticRoutes.CNI = strings.ToLower(v) }),

	"nsSyncLabelKey":       text(func(s *v1alpha1.Spec, v string) { s.Namespaces.Selector.Key = v }),
	"nsSyncLabelValue":     text(func(s *v1alpha1.Spec, v string) { s.Namespaces.Selector.Value = v }),
	"blockedNamespaceList": func(im *importer, in input) error { return im.list(in, &im.c.Spec.Namespaces.Blocked) },

	"gatewayAPI":            boolean(false, func(s *v1alpha1.Spec, v bool) { s.Features.GatewayAPI = v }),
	"servicesAPI":           boolean(false, func(s *v1alpha1.Spec, v bool) { s.Features.ServicesAPI = v }),
	"enableMCI":             boolean(false, func(s *v1alpha1.Spec, v bool) { s.Features.MultiClusterIngress = v }),
	"istioEnabled":          boolean(false, func(s *v1alpha1.Spec, v bool) { s.Features.Istio = v }),
	"akoCRDOperatorEnabled": boolean(true, func(s *v1alpha1.Spec, v bool) { s.Features.CRDOperator = v }),
	"enableEvents":          boolean(true, func(s *v1alpha1.Spec, v bool) { s.Events.Normal = v }),

	"deleteConfig": func(im *importer, in input) error {
		v, err := in.word()
		switch {
		case err != nil:
			return err
		case v != "true":
			// Only this word deletes (l4-infra.md §2.1).
			if b, err := strconv.ParseBool(strings.TrimSpace(v)); err != nil && strings.TrimSpace(v) != "" || b {
				im.note("%s is %q, which AKO takes for false; only \"true\" removes objects", in.path, v)
			}
		case im.c.Spec.Mode == v1alpha1.ModeEnforce:
			im.c.Spec.Mode = v1alpha1.ModeOffboard
			im.note("%s is true: AKO was told to remove its objects. So is the hub: spec.mode is offboard, not enforce", in.path)
		default:
			im.note("%s is true: AKO was told to remove its objects. The registration is in mode %s, which removes nothing; "+
				"mode offboard does what deleteConfig did, and mode enforce makes the objects again", in.path, im.c.Spec.Mode)
		}
		return nil
	},

	"controllerIP": func(im *importer, in input) error {
		v, err := in.text()
		if v != "" {
			im.note("%s is %s: give it to the hub once, as a controller in hub.yaml (url: https://%s), with its user and password file", in.path, v, v)
		}
		return err
	},
}

// order is that of the actions, and so of the notes.
var order = []string{
	"controllerIP", "deleteConfig", "clusterName", "primaryInstance",
	"cloudName", "tenantName", "dedicatedTenantMode", "serviceEngineGroupName", "vrfName",
	"defaultIngController", "enableEVH", "shardVSSize", "passthroughShardSize", "noPGForSNI", "vipPerNamespace", "useDefaultSecretsOnly", "fqdnReusePolicy",
	"defaultLBController", "layer7Only", "autoFQDN", "defaultDomain",
	"serviceType", "nodeKey", "nodeValue",
	"vipNetworkList", "nodeNetworkList", "bgpPeerLabels", "enableRHI", "ipFamily", "nsxtT1LR", "vpcMode", "disableStaticRouteSync", "cniPlugin",
	"nsSyncLabelKey", "nsSyncLabelValue", "blockedNamespaceList",
	"gatewayAPI", "servicesAPI", "enableMCI", "istioEnabled", "akoCRDOperatorEnabled", "enableEvents",
}

// Why a key has no effect.
const (
	ownPod     = "of AKO's own Pod; the hub and the agent have settings of their own in their charts"
	hubLevel   = "set for the whole hub, in hub.yaml (log, metrics, controllers[].apiVersion)"
	fullSync   = "no full sync is needed: the hub compares what it wants with Avi at every change and in the background"
	credential = "credentials are not read here; only the hub has any: username and passwordFile of the controller in hub.yaml"
	akoChart   = "of AKO's own chart"
)

// unusedKeys are keys of the ConfigMap that a hub has no use for, and why.
var unusedKeys = map[string]string{
	"controllerVersion": hubLevel,
	"fullSyncFrequency": fullSync,
	"logLevel":          hubLevel,
	"apiServerPort":     hubLevel,
	"enablePrometheus":  hubLevel,
}

// valuePaths are the Helm values, by the ConfigMap key that the chart renders
// them into. A key that the ConfigMap doesn't have is our own word for it.
var valuePaths = map[string]string{
	"AKOSettings.primaryInstance":              "primaryInstance",
	"AKOSettings.cniPlugin":                    "cniPlugin",
	"AKOSettings.fullSyncFrequency":            "fullSyncFrequency",
	"AKOSettings.clusterName":                  "clusterName",
	"AKOSettings.servicesAPI":                  "servicesAPI",
	"AKOSettings.enableEVH":                    "enableEVH",
	"AKOSettings.layer7Only":                   "layer7Only",
	"AKOSettings.vipPerNamespace":              "vipPerNamespace",
	"AKOSettings.disableStaticRouteSync":       "disableStaticRouteSync",
	"AKOSettings.enableEvents":                 "enableEvents",
	"AKOSettings.logLevel":                     "logLevel",
	"AKOSettings.deleteConfig":                 "deleteConfig",
	"AKOSettings.namespaceSelector.labelKey":   "nsSyncLabelKey",
	"AKOSettings.namespaceSelector.labelValue": "nsSyncLabelValue",
	"AKOSettings.apiServerPort":                "apiServerPort",
	"AKOSettings.blockedNamespaceList":         "blockedNamespaceList",
	"AKOSettings.ipFamily":                     "ipFamily",
	"AKOSettings.istioEnabled":                 "istioEnabled",
	"AKOSettings.useDefaultSecretsOnly":        "useDefaultSecretsOnly",
	"AKOSettings.vpcMode":                      "vpcMode",

	"NetworkSettings.defaultDomain":   "defaultDomain",
	"NetworkSettings.enableRHI":       "enableRHI",
	"NetworkSettings.nsxtT1LR":        "nsxtT1LR",
	"NetworkSettings.bgpPeerLabels":   "bgpPeerLabels",
	"NetworkSettings.nodeNetworkList": "nodeNetworkList",
	"NetworkSettings.vipNetworkList":  "vipNetworkList",

	"L7Settings.shardVSSize":          "shardVSSize",
	"L7Settings.passthroughShardSize": "passthroughShardSize",
	"L7Settings.defaultIngController": "defaultIngController",
	"L7Settings.noPGForSNI":           "noPGForSNI",
	"L7Settings.serviceType":          "serviceType",
	"L7Settings.enableMCI":            "enableMCI",
	"L7Settings.fqdnReusePolicy":      "fqdnReusePolicy",

	"L4Settings.defaultLBController": "defaultLBController",
	"L4Settings.autoFQDN":            "autoFQDN",
	"L4Settings.defaultDomain":       "defaultDomain",

	"ControllerSettings.controllerHost":         "controllerIP",
	"ControllerSettings.controllerVersion":      "controllerVersion",
	"ControllerSettings.cloudName":              "cloudName",
	"ControllerSettings.tenantName":             "tenantName",
	"ControllerSettings.vrfName":                "vrfName",
	"ControllerSettings.dedicatedTenantMode":    "dedicatedTenantMode",
	"ControllerSettings.serviceEngineGroupName": "serviceEngineGroupName",

	"nodePortSelector.key":          "nodeKey",
	"nodePortSelector.value":        "nodeValue",
	"featureGates.GatewayAPI":       "gatewayAPI",
	"featureGates.EnablePrometheus": "enablePrometheus",
	"ako-crd-operator.enabled":      "akoCRDOperatorEnabled",
}

// unusedValues are Helm values, or (with a dot at the end) whole groups of
// them, that a hub has no use for, and why.
var unusedValues = map[string]string{
	"replicaCount":          ownPod,
	"image.":                ownPod,
	"GatewayAPI.":           ownPod,
	"resources.":            ownPod,
	"securityContext.":      ownPod,
	"podSecurityContext.":   ownPod,
	"persistentVolumeClaim": ownPod,
	"mountPath":             ownPod,
	"logFile":               ownPod,
	"akoGatewayLogFile":     ownPod,
	"imagePullSecrets":      ownPod,
	"rbac.pspEnable":        akoChart,
	"nameOverride":          akoChart,
	"fullnameOverride":      akoChart,
	"ako-crd-operator.":     ownPod,
	"global.":               akoChart,
	"avicredentials.":       credential,
}

// lookupValue finds the ConfigMap key of a Helm value, or why it has no effect.
// Both are empty for a value that is not known.
func lookupValue(path string) (key, unused string) {
	if k, ok := valuePaths[path]; ok {
		if why, ok := unusedKeys[k]; ok {
			return "", why
		}
		return k, ""
	}
	if why, ok := unusedValues[path]; ok {
		return "", why
	}
	for i, r := range path {
		if r == '.' {
			if why, ok := unusedValues[path[:i+1]]; ok {
				return "", why
			}
		}
	}
	return "", ""
}
