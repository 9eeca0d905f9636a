package ebs

import (
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/component"
)

// devices is the block device mapping of the instance. Encryption begins here, so that the image's snapshots are encrypted without a copy.
func (l *launch) devices() []types.BlockDeviceMapping {
	var out []types.BlockDeviceMapping
	root := str(l.source.RootDeviceName)
	for _, d := range l.source.BlockDeviceMappings {
		if d.Ebs == nil {
			continue
		}
		isRoot := str(d.DeviceName) == root
		changed := isRoot && (l.RootSize != nil || l.RootType != nil || l.RootIops != nil || l.RootThroughput != nil)
		if !changed && !l.Encrypt && sdk.ToBool(d.Ebs.DeleteOnTermination) {
			continue // as the image has it
		}
		e := &types.EbsBlockDevice{DeleteOnTermination: sdk.Bool(true), VolumeSize: d.Ebs.VolumeSize}
		if isRoot {
			l.sized(e, l.RootSize, l.RootType, l.RootIops, l.RootThroughput)
		}
		l.encrypted(e)
		out = append(out, types.BlockDeviceMapping{DeviceName: d.DeviceName, Ebs: e})
	}
	for _, v := range l.Volumes {
		e := &types.EbsBlockDevice{DeleteOnTermination: sdk.Bool(true), SnapshotId: v.Snapshot}
		l.sized(e, v.Size, &v.Type, v.Iops, v.Throughput)
		l.encrypted(e)
		out = append(out, types.BlockDeviceMapping{DeviceName: sdk.String(v.Device), Ebs: e})
	}
	return out
}

func (l *launch) sized(e *types.EbsBlockDevice, size *component.Size, kind *string, iops, throughput *int) {
	if size != nil {
		e.VolumeSize = sdk.Int32(int32((int64(*size) + 1<<30 - 1) >> 30)) //nolint:gosec // in GiB, rounded up
	}
	if kind != nil {
		e.VolumeType = types.VolumeType(*kind)
	}
	if iops != nil {
		e.Iops = sdk.Int32(int32(*iops)) //nolint:gosec // EC2 checks it
	}
	if throughput != nil {
		e.Throughput = sdk.Int32(int32(*throughput)) //nolint:gosec // EC2 checks it
	}
}

func (l *launch) encrypted(e *types.EbsBlockDevice) {
	if l.Encrypt {
		e.Encrypted, e.KmsKeyId = sdk.Bool(true), l.KMSKey
	}
}
