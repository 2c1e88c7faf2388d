package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

// isFixed says that an observed object differs from the wanted one in what Avi
// does not change: the type of a virtual service. It comes to that where one
// name stands for an L4 Service first and for a host then: Service b of
// namespace a and the host "a-b", which a cloud without DNS profile takes. (All
// else that has a type has it in its name.)
func isFixed(want *desired.Object, have *Observed) bool {
	return want.Key.Type == typeVirtualService && typeOf(want.Body) != typeOf(have.Body)
}

const typeVirtualService = "virtualservice"

// typeOf is a virtual service's type, in Avi's words.
func typeOf(body map[string]any) string {
	t, _ := body["type"].(string)
	return cmp.Or(t, "VS_TYPE_NORMAL")
}

// again has an object deleted that has to be made anew, unless another object
// that is there needs it.
func (c *computation) again(have *Observed, changes []Change) {
	byUUID := c.uuids()
	var users []Key
	for from, h := range c.in.Observed {
		if desired.Own(from.Type) && slices.Contains(h.refsOf(byUUID), have.Key) {
			users = append(users, from)
		}
	}
	if len(users) > 0 {
		first := slices.MinFunc(users, desired.CompareKeys)
		c.skip(Update, have.Key, fmt.Sprintf("its type can't be changed, and it can't be made anew as long as %s %q refers to it", first.Type, first.Name))
		return
	}
	c.steps[have.Key] = &Step{Op: Delete, Key: have.Key, Have: have, Changes: changes, Again: true}
}
