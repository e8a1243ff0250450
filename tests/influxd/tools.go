//go:build tools

// Package influxd names what build.sh builds, so that go.mod keeps it.
package influxd

import (
	_ "github.com/influxdata/influxdb/v2/cmd/influxd"
	_ "github.com/influxdata/pkg-config"
)
