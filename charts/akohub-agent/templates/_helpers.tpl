{{- define "akohub-agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "akohub-agent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide objects carry the namespace, so that two releases of one name do not meet. */}}
{{- define "akohub-agent.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "akohub-agent.fullname" .) -}}
{{- end -}}

{{- define "akohub-agent.selectorLabels" -}}
app.kubernetes.io/name: {{ include "akohub-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "akohub-agent.labels" -}}
{{ include "akohub-agent.selectorLabels" . }}
app.kubernetes.io/component: agent
app.kubernetes.io/part-of: akohub
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "akohub-agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "akohub-agent.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "akohub-agent.certificateSecret" -}}
{{- default (printf "%s-certificate" (include "akohub-agent.fullname" .)) .Values.certificate.existingSecret -}}
{{- end -}}

{{/* "true" where the IngressClass is made. */}}
{{- define "akohub-agent.ingressClass" -}}
{{- if eq (toString .Values.ingressClass.create) "auto" -}}
{{- if not (.Capabilities.APIVersions.Has "route.openshift.io/v1") -}}true{{- end -}}
{{- else if .Values.ingressClass.create -}}
true
{{- end -}}
{{- end -}}

{{/* "true" where the agent is to have rights on OpenShift's Routes. */}}
{{- define "akohub-agent.routes" -}}
{{- if eq (toString .Values.rbac.routes) "auto" -}}
{{- if .Capabilities.APIVersions.Has "route.openshift.io/v1" -}}true{{- end -}}
{{- else if .Values.rbac.routes -}}
true
{{- end -}}
{{- end -}}

{{- define "akohub-agent.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}
