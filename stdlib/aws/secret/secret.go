// Package secret is the data source that reads the Secrets Manager.
//
// Start reading at Lookup.
package secret

import (
	"context"
	_ "embed"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the options of the schema.
type Options struct {
	Region  string      `imgc:"region"`
	Name    string      `imgc:"name"`
	Version *string     `imgc:"version"`
	Account aws.Account `imgc:"account"`
}

// Component is the registry entry.
func Component(c *aws.Cloud) component.Component {
	return component.NewData("aws.secret", schema, "1", func(o *Options) component.Data { return &data{o, c} })
}

type data struct {
	*Options
	cloud *aws.Cloud
}

// Lookup reads the secret.
func (d *data) Lookup(ctx context.Context) (map[string]any, error) {
	cfg, err := d.cloud.Config(ctx, d.Account, d.Region)
	if err != nil {
		return nil, err
	}
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &d.Name, VersionId: d.Version})
	if err != nil {
		return nil, aws.Explain(fmt.Sprintf("reading the secret %s in %s", d.Name, d.Region), err)
	}
	if out.SecretString == nil {
		return nil, fmt.Errorf("the secret %s in %s is no text but bytes, which no option takes", d.Name, d.Region)
	}
	return map[string]any{"value": *out.SecretString, "version": sdk.ToString(out.VersionId)}, nil
}
