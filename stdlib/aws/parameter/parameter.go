// Package parameter is the data sources that read the Systems Manager Parameter Store.
//
// Start reading at Lookup.
package parameter

import (
	"context"
	_ "embed"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the options of the schema.
type Options struct {
	Region  string      `imgc:"region"`
	Name    string      `imgc:"name"`
	Account aws.Account `imgc:"account"`
}

// Plain is the registry entry of parameters that are no secrets, and Secret that of those that are.
func Plain(c *aws.Cloud) component.Component {
	return component.NewData("aws.parameter", schema, "1", func(o *Options) component.Data { return &data{o, c, false} })
}

// Secret is the registry entry of parameters that are secrets.
func Secret(c *aws.Cloud) component.Component {
	return component.NewData("aws.secret_parameter", schema, "1", func(o *Options) component.Data { return &data{o, c, true} })
}

type data struct {
	*Options
	cloud   *aws.Cloud
	decrypt bool
}

// Lookup reads the parameter.
func (d *data) Lookup(ctx context.Context) (map[string]any, error) {
	cfg, err := d.cloud.Config(ctx, d.Account, d.Region)
	if err != nil {
		return nil, err
	}
	out, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: &d.Name, WithDecryption: &d.decrypt})
	if err != nil {
		return nil, aws.Explain(fmt.Sprintf("reading the parameter %s in %s", d.Name, d.Region), err)
	}
	if !d.decrypt && out.Parameter.Type == "SecureString" {
		return nil, fmt.Errorf("the parameter %s in %s is a SecureString; read it with data aws.secret_parameter", d.Name, d.Region)
	}
	return map[string]any{"value": sdk.ToString(out.Parameter.Value), "version": float64(out.Parameter.Version)}, nil
}
