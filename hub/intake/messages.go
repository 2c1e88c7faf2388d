package intake

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// recordSlack is what the number of its snapshot can add to a record after its
// size was checked by the agent: a tag and a varint. The message around records
// is allowed as much a record.
const recordSlack = 16

// nameOf names a message for people.
func nameOf(msg *akohubv1.SessionRequest) string {
	r := msg.ProtoReflect()
	if f := r.WhichOneof(r.Descriptor().Oneofs().ByName("message")); f != nil {
		return string(f.Message().Name())
	}
	return "of an unknown type"
}

// handle takes one message. Errors are status errors and end the stream.
func (x *session) handle(msg *akohubv1.SessionRequest) error {
	if msg.GetSeq() != x.seq+1 {
		return status.Errorf(codes.FailedPrecondition, "message number %d follows %d", msg.GetSeq(), x.seq)
	}
	x.seq++
	var err error
	switch m := msg.GetMessage().(type) {
	case *akohubv1.SessionRequest_Hello:
		err = status.Error(codes.InvalidArgument, "a second Hello")
	case *akohubv1.SessionRequest_SnapshotBegin:
		err = x.snapshotBegin(m.SnapshotBegin)
	case *akohubv1.SessionRequest_Batch:
		err = x.batch(m.Batch)
	case *akohubv1.SessionRequest_SnapshotEnd:
		err = x.snapshotEnd(m.SnapshotEnd)
	case *akohubv1.SessionRequest_SnapshotAbort:
		err = x.snapshotAbort(m.SnapshotAbort)
	case *akohubv1.SessionRequest_KindState:
		err = x.kindState(m.KindState)
	case *akohubv1.SessionRequest_WriteBackResult:
		x.writeBackResult(m.WriteBackResult)
	case *akohubv1.SessionRequest_Heartbeat:
		x.out.echo(m.Heartbeat)
	default:
		x.svc.metrics.unknown.Inc()
		x.log.Debug("message ignored", "type", nameOf(msg), "seq", msg.GetSeq())
	}
	if err != nil {
		return err
	}
	x.acknowledge()
	return nil
}

// invalid gives an error of the mirror its status code.
func invalid(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mirror.ErrInvalid):
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return status.Error(codes.FailedPrecondition, err.Error())
}

func (x *session) batch(b *akohubv1.Batch) error {
	if limit := int(x.limits.GetMaxRecordBytes()); limit > 0 {
		for _, rec := range b.GetRecords() {
			if n := proto.Size(rec); n > limit+recordSlack {
				return status.Errorf(codes.ResourceExhausted, "record %s has %d bytes, more than %d", recordName(rec), n, limit)
			}
		}
	}
	if limit := int(x.limits.GetMaxBatchBytes()); limit > 0 {
		if n := proto.Size(b); n > limit+recordSlack*(1+len(b.GetRecords())) {
			return status.Errorf(codes.ResourceExhausted, "a batch has %d bytes, more than %d", n, limit)
		}
	}
	now := time.Now()
	for _, rec := range b.GetRecords() {
		if rec.GetSnapshot() == 0 {
			continue
		}
		snap := x.snaps[rec.GetKind()]
		if snap == nil || snap.id != rec.GetSnapshot() || !snap.answered {
			return status.Errorf(codes.FailedPrecondition, "record %s belongs to snapshot %d, which the hub has not asked for", recordName(rec), rec.GetSnapshot())
		}
		snap.progress = now
	}
	if err := x.mirror.ApplyAll(b.GetRecords()); err != nil {
		return invalid(err)
	}
	for _, rec := range b.GetRecords() {
		what := "change"
		switch {
		case rec.GetDeleted():
			what = "tombstone"
		case rec.GetSnapshot() != 0:
			what = "snapshot"
		}
		x.svc.metrics.records.WithLabelValues(what).Inc()
	}
	return nil
}

// recordName names a record whose key was not checked yet.
func recordName(rec *akohubv1.Record) string {
	return fmt.Sprintf("%.128q %.64q/%.256q", rec.GetKind(), rec.GetNamespace(), rec.GetName())
}

func (x *session) snapshotBegin(m *akohubv1.SnapshotBegin) error {
	need, err := x.mirror.BeginSnapshot(m.GetKind(), m.GetSnapshot(), m.GetCount(), m.GetBucketDigests())
	if err != nil {
		return invalid(err)
	}
	x.snaps[m.GetKind()] = &openSnapshot{id: m.GetSnapshot(), need: need}
	if len(need) == 0 {
		// A resume costs nothing, so it waits for nobody.
		return x.answerNeed(m.GetKind())
	}
	x.waiting = append(x.waiting, m.GetKind())
	x.askAdmission()
	return nil
}

func (x *session) snapshotEnd(m *akohubv1.SnapshotEnd) error {
	snap := x.snaps[m.GetKind()]
	if snap == nil || snap.id != m.GetSnapshot() || !snap.answered {
		return status.Errorf(codes.FailedPrecondition, "end of snapshot %d of %.128q, which the hub has not asked for", m.GetSnapshot(), m.GetKind())
	}
	pruned, err := x.mirror.EndSnapshot(m.GetKind(), m.GetSnapshot(), m.GetCount(), m.GetDigest())
	if err != nil {
		x.finish(m.GetKind(), "refused")
		return invalid(err)
	}
	x.log.Info("kind synced", "kind", m.GetKind(), "objects", m.GetCount(), "pruned", len(pruned), "buckets", len(snap.need))
	x.svc.metrics.pruned.Add(float64(len(pruned)))
	x.finish(m.GetKind(), "ended")
	return x.endOfKind(m.GetKind())
}

func (x *session) snapshotAbort(m *akohubv1.SnapshotAbort) error {
	snap := x.snaps[m.GetKind()]
	if snap == nil || snap.id != m.GetSnapshot() {
		// The kind was found not to be watched a moment before.
		return nil
	}
	x.log.Info("agent gave a snapshot up", "kind", m.GetKind(), "snapshot", m.GetSnapshot(), "reason", clip(m.GetReason()))
	x.mirror.AbortSnapshot(m.GetKind(), m.GetSnapshot())
	x.finish(m.GetKind(), "aborted")
	return x.endOfKind(m.GetKind())
}

func (x *session) kindState(m *akohubv1.KindState) error {
	if err := x.mirror.SetKindState(m.GetKind(), m.GetAvailability(), m.GetMessage()); err != nil {
		return invalid(err)
	}
	level := hclog.Warn
	switch m.GetAvailability() {
	case akohubv1.KindState_AVAILABILITY_WATCHED:
		x.log.Debug("kind is watched", "kind", m.GetKind())
		return nil
	case akohubv1.KindState_AVAILABILITY_ABSENT:
		// Usual: a cluster has only some of the custom kinds.
		level = hclog.Info
	}
	x.log.Log(level, "kind is not watched", "kind", m.GetKind(), "state", m.GetAvailability().String(), "reason", clip(m.GetMessage()))
	x.finish(m.GetKind(), "aborted")
	return nil
}

func (x *session) writeBackResult(m *akohubv1.WriteBackResult) {
	dones := x.out.result(m.GetId())
	if dones == nil {
		x.log.Debug("answer to no write-back", "id", m.GetId())
		return
	}
	for _, done := range dones {
		x.svc.metrics.writeBacks.WithLabelValues(outcomeLabel(m.GetOutcome())).Inc()
		done(m, nil)
	}
}

func outcomeLabel(o akohubv1.WriteBackResult_Outcome) string {
	switch o {
	case akohubv1.WriteBackResult_OUTCOME_APPLIED:
		return "applied"
	case akohubv1.WriteBackResult_OUTCOME_UNCHANGED:
		return "unchanged"
	case akohubv1.WriteBackResult_OUTCOME_GONE:
		return "gone"
	case akohubv1.WriteBackResult_OUTCOME_FORBIDDEN:
		return "forbidden"
	case akohubv1.WriteBackResult_OUTCOME_FAILED:
		return "failed"
	}
	return "unspecified"
}
