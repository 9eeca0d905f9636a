package rehearsal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// jsonService answers SSM and Secrets Manager: parameters and secrets that a program reads. They are read from the environment of nobody:
// a rehearsal has none but those that PutParameter and CreateSecret have made in this process.
func (c *Cloud) jsonService(w http.ResponseWriter, r *http.Request, body []byte, service, region string) {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	fail := func(status int, code, message string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
	}
	if _, err := c.called(service, name, region); err != nil {
		fail(400, "ThrottlingException", "Rate exceeded")
		return
	}
	var in struct {
		Name, Value, Type, SecretString string
		SecretID                        string `json:"SecretId"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		fail(400, "SerializationException", err.Error())
		return
	}
	if p := c.opts.Policy; p != nil && !p.allows(service+":"+name, region, target{arn: fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, region, Account, in.Name+in.SecretID)}) {
		fail(400, "AccessDeniedException", fmt.Sprintf("User: arn:aws:iam::%s:user/rehearsal is not authorized to perform: %s:%s", Account, service, name))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := func(n string) string { return region + "/" + service + "/" + n }
	var out any
	switch name {
	case "PutParameter":
		c.data.Parameters[key(in.Name)] = in.Type + "\x00" + in.Value
		out = map[string]any{"Version": 1, "Tier": "Standard"}
	case "CreateSecret":
		c.data.Parameters[key(in.Name)] = in.SecretString
		out = map[string]any{"Name": in.Name, "ARN": fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-AbCdEf", region, Account, in.Name)}
	case "GetParameter":
		kind, value, found := strings.Cut(c.data.Parameters[key(in.Name)], "\x00")
		if !found {
			fail(400, "ParameterNotFound", "Parameter "+in.Name+" not found.")
			return
		}
		out = map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": kind, "Value": value, "Version": 1, "ARN": fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/%s", region, Account, strings.TrimPrefix(in.Name, "/"))}}
	case "GetSecretValue":
		value, found := c.data.Parameters[key(in.SecretID)]
		if !found {
			fail(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
			return
		}
		out = map[string]any{"Name": in.SecretID, "SecretString": value, "VersionId": "00000000-0000-0000-0000-000000000001", "ARN": fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-AbCdEf", region, Account, in.SecretID)}
	default:
		fail(400, "UnknownOperationException", service+" has no "+name+" in a rehearsal")
		return
	}
	if err := c.save(); err != nil {
		fail(500, "InternalServerError", err.Error())
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (c *Cloud) sts(w http.ResponseWriter, body []byte, region string) {
	form, _ := url.ParseQuery(string(body))
	name := form.Get("Action")
	if _, err := c.called("sts", name, region); err != nil {
		c.answer(w, "", nil, err)
		return
	}
	if name != "GetCallerIdentity" {
		c.answer(w, "", nil, failure("InvalidAction", "STS has no %s in a rehearsal", name))
		return
	}
	c.answer(w, name, []any{node(name+"Result", node("Arn", "arn:aws:iam::"+Account+":user/rehearsal"), node("UserId", "AIDAREHEARSAL"), node("Account", Account))}, nil)
}
