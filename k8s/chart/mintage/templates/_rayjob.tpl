{{/* A complete RayJob without name, entrypoint and job. */}}
{{- define "mintage.rayjob" -}}
apiVersion: ray.io/v1
kind: RayJob
metadata:
  labels:
    {{- include "mintage.labels" . | nindent 4 }}
    {{- if .Values.kueue.enabled }}
    kueue.x-k8s.io/queue-name: {{ .Values.kueue.queueName }}
    {{- with .Values.kueue.priorityClass }}
    kueue.x-k8s.io/priority-class: {{ . }}
    {{- end }}
    {{- end }}
spec:
  # The other modes follow the log with a pod of their own, and take a broken stream for the end of the job.
  submissionMode: HTTPMode
  backoffLimit: {{ .Values.job.backoffLimit }}
  activeDeadlineSeconds: {{ .Values.job.activeDeadlineSeconds | int64 }}
  preRunningDeadlineSeconds: {{ .Values.job.preRunningDeadlineSeconds | int64 }}
  {{- $keep := .Values.job.cleanUp }}
  {{- if .Values.kueue.enabled }}
  # Kueue resumes it. KubeRay allows that only where the cluster ends with the job.
  suspend: true
  {{- end }}
  {{- if or .Values.kueue.enabled (eq $keep.mode "shutdown") }}
  shutdownAfterJobFinishes: true
  ttlSecondsAfterFinished: {{ $keep.keepClusterSeconds | int64 }}
  {{- else }}
  deletionStrategy:
    deletionRules:
      {{- include "mintage.deletionRules" (dict "root" . "condition" "jobStatus: SUCCEEDED" "keep" $keep.keepSucceededSeconds) | nindent 6 }}
      # Also for deadlines that passed while the job itself had not failed.
      {{- include "mintage.deletionRules" (dict "root" . "condition" "jobDeploymentStatus: Failed" "keep" $keep.keepFailedSeconds) | nindent 6 }}
  {{- end }}
  rayClusterSpec:
    {{- include "mintage.cluster" (dict "root" . "serve" false) | nindent 4 }}
{{- end }}

{{/* Workers go at once (the autoscaler does that itself), the cluster after a while, the record at last: in this order. */}}
{{- define "mintage.deletionRules" -}}
{{- if ne (include "mintage.autoscaled" .root) "yes" -}}
- policy: DeleteWorkers
  condition: { {{- .condition }}, ttlSeconds: 0}
{{ end -}}
- policy: DeleteCluster
  condition: { {{- .condition }}, ttlSeconds: {{ .keep | int64 }}}
- policy: DeleteSelf
  condition: { {{- .condition }}, ttlSeconds: {{ max .root.Values.job.cleanUp.keepRecordSeconds .keep }}}
{{- end }}
