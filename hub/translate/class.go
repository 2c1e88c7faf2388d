package translate

import (
	"fmt"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	// controllerName is what an IngressClass names to give its Ingresses to
	// us; it is AKO's, so that a cluster's classes need no change.
	controllerName = "ako.vmware.com/avi-lb"
	// defaultClassAnnotation on an IngressClass is "true" for the class of
	// Ingresses that name none.
	defaultClassAnnotation = "ingressclass.kubernetes.io/is-default-class"

	infraSettingGroup      = "ako.vmware.com"
	infraSettingKind       = "AviInfraSetting"
	infraSettingAnnotation = "aviinfrasetting.ako.vmware.com/name"
)

// classOf returns the IngressClass that makes an Ingress ours, or false if it
// is not ours (l7.md §5.1). The old annotation kubernetes.io/ingress.class is
// not read. A class that is named and missing is the owner's problem to know.
func classOf(d *deps, ing mirror.Object[*akohubv1.Ingress]) (mirror.Object[*akohubv1.IngressClass], bool, *Problem) {
	if name := ing.Body.IngressClassName; name != nil {
		class, ok := d.IngressClass(*name)
		if !ok {
			return class, false, newProblem(ing.Ref, ing.UID, reasonClassMissing,
				fmt.Sprintf("IngressClass %q does not exist: the Ingress is not served", *name))
		}
		return class, class.Body.GetController() == controllerName, nil
	}
	for _, class := range d.IngressClasses() {
		if class.Body.GetController() == controllerName &&
			class.Body.GetMeta().GetAnnotations()[defaultClassAnnotation] == "true" {
			return class, true, nil
		}
	}
	return mirror.Object[*akohubv1.IngressClass]{}, false, nil
}

// infraSettingOf names the AviInfraSetting that applies to an Ingress of a
// class; empty: none (l7.md §6.1).
func infraSettingOf(d *deps, class mirror.Object[*akohubv1.IngressClass], namespace string) string {
	if p := class.Body.GetParameters(); p.GetApiGroup() == infraSettingGroup && p.GetKind() == infraSettingKind {
		return p.GetName()
	}
	ns, ok := d.Namespace(namespace)
	if !ok {
		return ""
	}
	return ns.Body.GetMeta().GetAnnotations()[infraSettingAnnotation]
}
